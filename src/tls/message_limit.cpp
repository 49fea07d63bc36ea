#include "tls/message_limit.h"

#include <openssl/ssl.h>

#include "tls/socket_bio.h"

namespace countersign::tls {
namespace {

/// A record that is neither data nor part of the first handshake. Of TLS 1.3 these look like data from outside; its
/// messages are counted instead. TLS 1.2's attempts to renegotiate are answered without becoming messages
/// (no_renegotiation, RFC 5246 section 7.2.2).
bool is_record_beside_data(const SSL* ssl, int type, const void* header, std::size_t size) {
  return type == SSL3_RT_HEADER && size > 0 && *static_cast<const unsigned char*>(header) != SSL3_RT_APPLICATION_DATA &&
         SSL_is_init_finished(ssl) == 1;
}

/// libssl's hook, for each record and message in either direction (SSL_set_msg_callback(3)).
void count_message(int sent, int, int type, const void* bytes, std::size_t size, SSL* ssl, void*) {
  if (sent != 0 || (type != SSL3_RT_HANDSHAKE && !is_record_beside_data(ssl, type, bytes, size))) return;
  MessageCount& count = message_count_of(ssl);
  if (++count.without_data <= kMessagesWithoutData) return;
  count.is_flood = true;
  // Nothing more is read: libssl looks at this before each record, and its loop ends.
  SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

}  // namespace

void limit_messages(SSL* ssl) { SSL_set_msg_callback(ssl, count_message); }

void begin_counting_anew(SSL* ssl) { message_count_of(ssl) = {}; }

void note_data(SSL* ssl) {
  MessageCount& count = message_count_of(ssl);
  if (count.without_data > 0) --count.without_data;
}

bool is_flooded(SSL* ssl) { return message_count_of(ssl).is_flood; }

base::Error flooded() {
  return {base::Kind::denied, "tls.flood",
          "the peer sent " + std::to_string(kMessagesWithoutData) +
              " messages of TLS (key updates, session tickets, attempts to renegotiate) and no data between them"};
}

}  // namespace countersign::tls
