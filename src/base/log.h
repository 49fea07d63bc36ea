// Log: one JSON object a line, so that a record can be counted, searched and shown to the one it concerns.
//
// Every record has `time`, `level`, `program`, `event` (dotted, stable) and the caller's fields. Values are escaped,
// so that a peer's bytes can never forge a line. Not a debugging aid: nothing secret is ever passed to it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"

namespace countersign::base {

enum class Level { debug, info, warning, error };

struct Field {
  using Value = std::variant<std::string, std::int64_t, double, bool>;
  std::string_view key;
  Value value;

  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <std::integral Int>
  Field(std::string_view k, Int v) : key(k), value(static_cast<std::int64_t>(v)) {}
};
using Fields = std::vector<Field>;

/// Where lines go. Thread-safe in every implementation.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(std::string_view line) = 0;
};

/// Standard error, or appended to a file. Fails: `log.unwritable`.
std::unique_ptr<LogSink> stderr_sink();
Result<std::unique_ptr<LogSink>> file_sink(const std::string& path);

/// Borrows the clock and sink for its whole life. Thread-safe; handed down by reference, never global.
class Log {
 public:
  struct Options {
    std::string program;
    Level at_least = Level::info;
  };
  Log(Options options, const Clock& clock, LogSink& sink) : options_(std::move(options)), clock_(clock), sink_(sink) {}

  void event(Level level, std::string_view name, const Fields& fields) const { write(level, name, fields); }
  void info(std::string_view name, const Fields& fields = {}) const { write(Level::info, name, fields); }
  void warning(std::string_view name, const Fields& fields = {}) const { write(Level::warning, name, fields); }
  void error(std::string_view name, const Fields& fields = {}) const { write(Level::error, name, fields); }

  /// The same for fields written where they are handed over, which are not copied into a vector first.
  using Listed = std::initializer_list<Field>;
  void event(Level level, std::string_view name, Listed fields) const { write(level, name, fields); }
  void info(std::string_view name, Listed fields) const { write(Level::info, name, fields); }
  void warning(std::string_view name, Listed fields) const { write(Level::warning, name, fields); }
  void error(std::string_view name, Listed fields) const { write(Level::error, name, fields); }

 private:
  void write(Level level, std::string_view event, std::span<const Field> fields) const;

  Options options_;
  const Clock& clock_;
  LogSink& sink_;
};

/// `text` as a JSON string with its quotes; bytes that are not UTF-8 become \ufffd.
std::string to_json_string(std::string_view text);

}  // namespace countersign::base
