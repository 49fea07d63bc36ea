// HTTP messages (RFC 9110) as plain values: heads with ordered fields, and small whole messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace countersign::http {

struct Field {
  std::string name;
  std::string value;
};

/// Field names compare without regard to case (RFC 9110 section 5.1). Order and duplicates are kept.
class Fields {
 public:
  std::optional<std::string_view> find(std::string_view name) const;  ///< the first
  std::size_t count(std::string_view name) const;
  void add(std::string name, std::string value);
  /// Removes every field of that name, then adds one.
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  /// Removes every field whose name is `name` when '_' is read as '-' and case is ignored: the spellings that some
  /// upstream would fold into one (CGI, WSGI, nginx).
  void remove_every_spelling(std::string_view name);
  /// Does the comma-separated list in all fields of that name hold `token` (case ignored)?
  bool has_token(std::string_view name, std::string_view token) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

struct RequestHead {
  std::string method;
  std::string target;  ///< as on the request line
  int minor_version = 1;
  Fields fields;
};

struct ResponseHead {
  int status = 200;
  std::string reason;
  int minor_version = 1;
  Fields fields;
};

/// A request with its whole body, for APIs (not for the gateway's data path).
struct Request {
  RequestHead head;
  std::string body;
  /// The target up to '?', percent-decoded once. Fails: `http.bad_target`.
  base::Result<std::string> path() const;
  /// The decoded value of a query parameter.
  std::optional<std::string> query(std::string_view name) const;
};

struct Response {
  int status = 200;
  Fields fields;
  std::string body;
};

/// IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string to_http_date(base::Instant at);

/// The standard phrase ("Not Found"), or "Unknown".
std::string_view reason_phrase(int status);

/// Writes a head piece by piece (RFC 9112), for those who pass on most of another one. Control characters do not
/// survive: spaces in values, percent-encoded in the target. The caller adds the framing fields.
class HeadWriter {
 public:
  /// `memory` is written over: that of an earlier head, to spare asking for new.
  HeadWriter(std::string_view method, std::string_view target, int minor_version = 1, std::string memory = {});
  HeadWriter(int status, std::string_view reason, int minor_version = 1);
  void add(std::string_view name, std::string_view value);
  /// Field lines that to_lines() made before.
  void add_lines(std::string_view lines) { text_ += lines; }
  /// With the empty line.
  std::string finish() &&;

 private:
  std::string text_;
};

/// The fields as lines, for HeadWriter::add_lines.
std::string to_lines(const Fields& fields);

/// The head as it goes on the wire, with the empty line (RFC 9112), as HeadWriter writes it.
std::string serialise(const RequestHead& head);
std::string serialise(const ResponseHead& head);

}  // namespace countersign::http
