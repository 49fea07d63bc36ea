// Patterns: what a grant says of host, method and path. A value of these types is meaningful; there is no other.
//
// Everything is a whole word: a path is compared segment by segment, a method to the letter. A path reaches them as
// gateway::read_destination let it through: without dot segments and without two spellings of one segment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace countersign::policy {

class HostPattern {
 public:
  /// A name, "*.example.com" (any name below it) or "*". Fails: `policy.host`.
  static base::Result<HostPattern> parse(std::string_view text);
  /// `host` in lower case, without port.
  bool matches(std::string_view host) const;
  const std::string& text() const { return text_; }

 private:
  explicit HostPattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class PathPattern {
 public:
  static constexpr std::size_t kLongest = 1'024;
  static constexpr std::size_t kMostSegments = 64;

  /// "/v1/payments", "/v1/payments/*" ('*' stands for one segment that is not empty), "/v1/reports/**" ('**', at the
  /// end only, for any number of them, none included). Fails: `policy.path`, also on what no request's path can hold.
  static base::Result<PathPattern> parse(std::string_view text);
  /// `path` starts with '/' and has no query.
  bool matches(std::string_view path) const;
  const std::string& text() const { return text_; }
  /// Without what "**" stands for; "*" as it is.
  const std::vector<std::string>& segments() const { return segments_; }
  bool is_open() const { return open_; }

 private:
  PathPattern(std::string text, std::vector<std::string> segments, bool open)
      : text_(std::move(text)), segments_(std::move(segments)), open_(open) {}
  std::string text_;
  std::vector<std::string> segments_;
  bool open_;  ///< ends in "/**"
};

class MethodSet {
 public:
  static constexpr std::size_t kMost = 32;
  /// A connection to a service as it is, without HTTP, is asked for by this (RFC 9110 section 9.3.6: "a tunnel").
  static constexpr std::string_view kConnect = "CONNECT";

  /// Names of methods in capitals, or "*" alone for every method but CONNECT, which is no request and has to be meant;
  /// at least one. Fails: `policy.method`.
  static base::Result<MethodSet> parse(const std::vector<std::string>& names);
  /// HEAD is allowed where GET is (RFC 9110 section 9.3.2: it asks for the same without the content).
  bool allows(std::string_view method) const;
  std::string to_text() const;

 private:
  explicit MethodSet(std::vector<std::string> names) : names_(std::move(names)) {}
  std::vector<std::string> names_;
};

}  // namespace countersign::policy
