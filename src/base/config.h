// ConfigSection: reads TOML so that every mistake is named with its place, and no key is silently ignored.
//
// A reader takes each key it knows; finish() then refuses what nobody took. Keys are named in errors as they would be
// written: `gateway.routes[2].upstream`. Values are only typed here; what they mean is checked by the module that asks.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace countersign::base {

class ConfigSection {
 public:
  /// Fails: `config.not_found`, `config.syntax` with line and column.
  static Result<ConfigSection> load(const std::filesystem::path& path);
  /// `origin` names the text in errors.
  static Result<ConfigSection> parse(std::string_view text, std::string origin);

  /// The value of `key`, which must be there. Fails: `config.missing`, `config.type`.
  Result<std::string> text(std::string_view key);
  Result<std::int64_t> integer(std::string_view key);

  /// The value of `key`, or `otherwise` when it is absent. Fails: `config.type`.
  Result<std::string> text_or(std::string_view key, std::string_view otherwise);
  Result<std::int64_t> integer_or(std::string_view key, std::int64_t otherwise);
  Result<bool> flag_or(std::string_view key, bool otherwise);
  /// A duration written "250ms", "10s", "5m", "12h" or "350d". Fails: `config.type`, `config.duration`.
  Result<Duration> duration_or(std::string_view key, Duration otherwise);
  /// A list of strings; absent is empty. Fails: `config.type`.
  Result<std::vector<std::string>> texts(std::string_view key);

  /// The table `key`; absent is an empty table. Fails: `config.type`.
  Result<ConfigSection> section(std::string_view key);
  /// The array of tables `key`; absent is empty. Fails: `config.type`.
  Result<std::vector<ConfigSection>> sections(std::string_view key);
  bool has(std::string_view key) const;
  /// Marks `key` as known to another program: its content is not looked at.
  void leave_to_others(std::string_view key);

  /// Refuses a key in this section (and in those taken from it) that nobody asked for. Fails: `config.unknown_key`.
  Result<void> finish() const;
  /// What reading this section (and those taken from it) failed with, or `config.unknown_key` where that is the cause:
  /// a key that is not known stands there, written nearly like one that was looked for in vain.
  Error explain(Error error) const;

  /// `key` as it would be written from the top of the file, for errors of the caller's own.
  std::string path_of(std::string_view key) const;
  /// The same with its line, `'grants[2].paths' (line 14)`; of an absent key, `(missing in the table of line 13)`.
  std::string place_of(std::string_view key) const;

 private:
  struct Node;
  explicit ConfigSection(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;
};

/// "250ms", "10s", "5m", "12h", "350d". Fails: `config.duration`.
Result<Duration> parse_duration(std::string_view text);

}  // namespace countersign::base
