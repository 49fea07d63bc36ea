// websocket: is this the opening handshake of a WebSocket, and its answer (RFC 6455 section 4)? Whatever is not exactly
// that is not passed on as one: an upstream must not begin to speak it where we believe in HTTP, nor the other way
// round.
#pragma once

#include "http/message.h"

namespace countersign::gateway {

/// RFC 6455 section 4.2.1: GET over HTTP/1.1, Upgrade of websocket alone, one key of 16 bytes, version 13.
bool is_websocket_request(const http::RequestHead& head);
/// RFC 6455 section 4.2.2: 101, Upgrade of websocket alone, one Sec-WebSocket-Accept.
bool is_websocket_answer(const http::ResponseHead& head);

}  // namespace countersign::gateway
