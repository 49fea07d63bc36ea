// grpc: what the gateway must know of gRPC over HTTP/2 to pass it through and to refuse in its words
// (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md). Nothing of messages.
#pragma once

#include "http/message.h"

namespace countersign::gateway {

/// By its content-type: "application/grpc", alone or with "+FORMAT" or ";...".
bool is_grpc(const http::Fields& fields);

/// An answer of our own as a client of gRPC understands it: 200 with nothing but grpc-status and grpc-message, which
/// stand in the head ("Trailers-Only").
http::Response to_grpc(const http::Response& answer);

}  // namespace countersign::gateway
