// What we demand of a head beyond its grammar, judged on its very bytes: a message that two parties could read
// differently is refused (RFC 9112 sections 6.3, 11.2). Private to http.
#pragma once

#include "http/h1_reader.h"

namespace countersign::http {

struct BodyFraming {
  Framing framing = Framing::none;
  std::uint64_t length = 0;  ///< for Framing::length, never 0 then
  std::optional<std::uint64_t> content_length;
};

/// A head, and how the body behind it is framed.
template <class Head>
struct ReadHead {
  Head head = {};
  BodyFraming body = {};
};

/// `text` is from the start line to the empty line, its line ends checked. What is taken of it is what was judged:
/// there is no second reading that could differ. Fails: `http.malformed`, `http.ambiguous`, `http.head_too_large`.
base::Result<ReadHead<RequestHead>> read_request_head(std::string_view text, const H1Limits& limits);
/// `request_method` decides whether there is a body. Fails: as read_request_head.
base::Result<ReadHead<ResponseHead>> read_response_head(std::string_view text, std::string_view request_method,
                                                        const H1Limits& limits);
/// Is `name`, in another spelling, one of the fields that decide where a message ends and whom it is for? Fails:
/// `http.ambiguous`.
base::Result<void> check_decisive_spelling(std::string_view name);
/// RFC 9112 section 3.2: the four forms, as far as they can be told apart here. Fails: `http.malformed`.
base::Result<void> check_target(std::string_view method, std::string_view target);
/// RFC 9110 section 7.2: uri-host [ ":" port ], here of letters, digits and "-._", or an address in brackets.
bool is_host(std::string_view host);
/// One field line (of a head or of trailers) without its CRLF. Fails: `http.malformed`, `http.ambiguous`.
base::Result<void> check_field_line(std::string_view line);
/// The line in front of a chunk, without its CRLF: its size. RFC 9112 section 7.1. Fails: `http.malformed`.
base::Result<std::uint64_t> parse_chunk_line(std::string_view line);

}  // namespace countersign::http
