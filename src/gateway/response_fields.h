// Which fields of a response go out to the client, whatever version of HTTP it speaks.
#pragma once

#include "gateway/identity_fields.h"
#include "http/strict_transport.h"

namespace countersign::gateway {

/// Calls `take` with name and value of each: those that travel end to end, and our own Strict-Transport-Security,
/// unless it is empty, in the place of any other.
template <class Take>
void each_of_response(const http::Fields& fields, std::string_view strict_transport, Take take) {
  each_end_to_end(fields, [&](const http::Field& field) {
    if (strict_transport.empty() || !http::is_strict_transport(field.name)) take(field.name, field.value);
  });
  if (!strict_transport.empty()) take(http::kStrictTransportField, strict_transport);
}

}  // namespace countersign::gateway
