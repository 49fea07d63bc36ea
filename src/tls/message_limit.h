// How much a peer may say below what its connection is for. Private to tls.
//
// libssl takes key updates, session tickets and attempts to renegotiate in a loop of its own, inside one SSL_read, for
// as long as the socket has more of them: a peer that sends nothing else would keep its loop to itself, and no deadline
// would be looked at (ADR 0064). So they are counted, and one too many stops libssl where it is.
#pragma once

#include <cstddef>

#include "base/result.h"

typedef struct ssl_st SSL;

namespace countersign::tls {

/// So many messages of a handshake's kind may come without data between them. A whole handshake has ten, a server sends
/// two or four tickets; a peer that keeps to RFC 8446 section 5.5 renews its keys once in 2^24 records.
inline constexpr std::size_t kMessagesWithoutData = 32;

struct MessageCount {
  std::size_t without_data = 0;
  bool is_flood = false;  ///< too many came: the connection is at its end
};

/// From now on what `ssl`, to which a socket is attached, receives is counted.
void limit_messages(SSL* ssl);
/// The handshake is done: counts anew.
void begin_counting_anew(SSL* ssl);
/// SSL_read gave data: one message is made good for.
void note_data(SSL* ssl);
bool is_flooded(SSL* ssl);
/// `tls.flood` (Kind::denied).
base::Error flooded();

}  // namespace countersign::tls
