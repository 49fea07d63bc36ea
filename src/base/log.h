// Log: one JSON object a line, so that a record can be counted, searched and shown to the one it concerns.
//
// Every record has `time`, `level`, `program`, `event` (dotted, stable) and the caller's fields. Values are escaped,
// so that a peer's bytes can never forge a line. Not a debugging aid: nothing secret is ever passed to it.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
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
  Log(Options options, const Clock& clock, LogSink& sink);

  void event(Level level, std::string_view event, const Fields& fields) const;

  /// A record that is put together piece by piece, without copies: for what is written once a request. Keys and event
  /// are our own words, and need no escape. Borrows the log.
  class Line {
   public:
    Line& text(std::string_view key, std::string_view value);
    Line& number(std::string_view key, std::int64_t value);
    /// What prepare() gave.
    Line& prepared(std::string_view fields);
    void write();

   private:
    friend class Log;
    Line(const Log* log, std::string line) : log_(log), line_(std::move(line)) {}
    void key(std::string_view key);
    const Log* log_;  ///< null: the level is not wanted, and nothing is put together
    std::string line_;
  };
  Line begin(Level level, std::string_view event) const;
  /// Fields that many records share, for Line::prepared().
  static std::string prepare(const Fields& fields);
  void info(std::string_view name, const Fields& fields = {}) const { event(Level::info, name, fields); }
  void warning(std::string_view name, const Fields& fields = {}) const { event(Level::warning, name, fields); }
  void error(std::string_view name, const Fields& fields = {}) const { event(Level::error, name, fields); }

 private:
  std::string head(Level level, std::string_view event) const;
  Options options_;
  std::string program_;  ///< as it stands in every line
  const Clock& clock_;
  LogSink& sink_;
};

/// `text` as a JSON string with its quotes; bytes that are not UTF-8 become \ufffd.
std::string to_json_string(std::string_view text);

}  // namespace countersign::base
