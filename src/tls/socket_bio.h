// How libssl reads and writes a net::Socket (bio(3)). Private to tls.
//
// Beside OpenSSL's own socket BIO it knows when the kernel has no more to read, and spares the call that would say so;
// and it never touches a descriptor that was closed by us and may be somebody else's by now.
#pragma once

#include "net/socket.h"
#include "tls/message_limit.h"

namespace countersign::tls {

/// From now on `ssl` reads and writes `socket`, which is borrowed, and messages are limited. False when memory has run
/// out.
bool attach_socket(SSL* ssl, net::Socket& socket);
/// What the peer said beside data, once a socket is attached.
MessageCount& message_count_of(SSL* ssl);
/// The socket attached before has moved to `socket`.
void follow_socket(SSL* ssl, net::Socket& socket);

/// What libssl writes next goes out with what it writes after that, in one system call: for what nobody waits for, such
/// as a session ticket. Where nothing is written any more, it is not sent at all.
void hold_next_write(SSL* ssl);

}  // namespace countersign::tls
