// MessageView: what of a request or a response can be signed (RFC 9421 section 2). Borrows everything; nothing of it is
// believed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace countersign::signatures {

/// A request as whoever signs it and whoever checks it must both see it.
struct RequestView {
  std::string_view method;
  std::string_view scheme;     ///< "https"
  std::string_view authority;  ///< host, with the port as it was sent
  std::string_view target;     ///< origin-form: path and query
  const http::Fields& fields;
};

struct MessageView {
  static MessageView of(const RequestView& request) { return {.request = &request, .fields = &request.fields}; }
  /// `request` is what it answers; null where that is not known.
  static MessageView of(int status, const http::Fields& fields, const RequestView* request) {
    return {.status = status, .request = request, .fields = &fields};
  }
  bool is_response() const { return status.has_value(); }

  std::optional<int> status = {};        ///< of a response
  const RequestView* request = nullptr;  ///< itself, or the one that is answered
  const http::Fields* fields = nullptr;
  const http::Fields* trailers = nullptr;  ///< where they are known
};

/// Every field of that name as one: each value without white space around it, joined by ", " (RFC 9421 section 2.1).
/// Nothing where there is none.
std::optional<std::string> combined(const http::Fields& fields, std::string_view name);

/// Host in lower case, without the port where that is the scheme's own (RFC 9421 section 2.2.3).
std::string normal_authority(std::string_view scheme, std::string_view authority);

}  // namespace countersign::signatures
