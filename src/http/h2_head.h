// H2Head: the fields of one request in HTTP/2 as they come off HPACK, judged by RFC 9113 sections 8.2 and 8.3, and made
// into the head that everybody behind reads. Private to http.
//
// As strict as the reader of HTTP/1.1 and with its limits; libnghttp2 refuses much of the same before.
#pragma once

#include "http/h1_reader.h"

namespace countersign::http {

/// What is known of a request when its head is there.
struct H2Request {
  RequestHead head;  ///< Host first, from :authority; cookies in one field (RFC 9113 section 8.2.3)
  std::optional<std::uint64_t> content_length;
};

class H2Head {
 public:
  explicit H2Head(const H1Limits& limits) : limits_(limits) {}

  /// The next field. What is wrong with it is told by finish(); after the first fault nothing is kept.
  void add(std::string_view name, std::string_view value);
  /// What the fields were, in the way of RFC 9113 section 6.5.2 (32 bytes for each beside its text).
  std::size_t bytes() const { return bytes_; }
  /// Fails: `http.malformed`, `http.ambiguous`, `http.head_too_large`.
  base::Result<H2Request> finish() &&;

 private:
  base::Result<void> take(std::string_view name, std::string_view value);
  base::Result<void> take_pseudo(std::string_view name, std::string_view value);
  base::Result<void> take_field(std::string_view name, std::string_view value);
  base::Result<void> check_whole();

  const H1Limits& limits_;
  H2Request request_;
  std::optional<std::string> scheme_;
  std::optional<std::string> authority_;  ///< it is the Host of the head, too
  std::optional<std::string> host_;       ///< of the Host field
  std::string cookies_;
  bool has_method_ = false;
  bool has_path_ = false;
  bool fields_begun_ = false;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
  std::optional<base::Error> fault_;
};

/// What is known of a response when its head is there.
struct H2Response {
  ResponseHead head;
  std::optional<std::uint64_t> content_length;
};

/// H2ResponseHead: the same for the head of a response (RFC 9113 section 8.3.2).
class H2ResponseHead {
 public:
  explicit H2ResponseHead(const H1Limits& limits) : limits_(limits) {}
  /// As H2Head::add.
  void add(std::string_view name, std::string_view value);
  /// Fails: `http.malformed`, `http.ambiguous`, `http.head_too_large`.
  base::Result<H2Response> finish() &&;

 private:
  base::Result<void> take(std::string_view name, std::string_view value);

  H1Limits limits_;
  H2Response response_;
  bool has_status_ = false;
  std::size_t bytes_ = 0;
  std::optional<base::Error> fault_;
};

/// A field of a trailer: as check_field_line, with the rules of HTTP/2. Fails: `http.malformed`, `http.ambiguous`.
base::Result<void> check_h2_field(std::string_view name, std::string_view value);

}  // namespace countersign::http
