#include "tls/message_limit.h"

#include <algorithm>

#include <openssl/ssl.h>

#include "tls/socket_bio.h"

namespace countersign::tls {
namespace {

/// A record that is no data. From outside all of TLS 1.3 look like data: libssl tells what is inside besides. One
/// message may come in thousands of them, a byte each, and libssl does not come back until it has it whole.
bool is_record_beside_data(int type, const void* bytes, std::size_t size) {
  const bool says_kind = type == SSL3_RT_HEADER || type == SSL3_RT_INNER_CONTENT_TYPE;
  return says_kind && size > 0 && *static_cast<const unsigned char*>(bytes) != SSL3_RT_APPLICATION_DATA;
}

/// libssl's hook, for each record and message in either direction (SSL_set_msg_callback(3)).
void count_message(int sent, int, int type, const void* bytes, std::size_t size, SSL* ssl, void*) {
  if (sent != 0) return;
  MessageCount& count = message_count_of(ssl);
  if (type == SSL3_RT_HANDSHAKE) ++count.messages;
  if (count.established && is_record_beside_data(type, bytes, size)) ++count.records;
  if (std::max(count.messages, count.records) <= kMessagesWithoutData) return;
  count.is_flood = true;
  // Nothing more is read: libssl looks at this before each record, and its loop ends.
  SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN);
}

}  // namespace

void limit_messages(SSL* ssl) { SSL_set_msg_callback(ssl, count_message); }

void begin_counting_anew(SSL* ssl) { message_count_of(ssl) = {.established = true}; }

void note_data(SSL* ssl) {
  MessageCount& count = message_count_of(ssl);
  if (count.messages > 0) --count.messages;
  if (count.records > 0) --count.records;
}

bool is_flooded(SSL* ssl) { return message_count_of(ssl).is_flood; }

base::Error flooded() {
  return {base::Kind::denied, "tls.flood",
          "the peer sent " + std::to_string(kMessagesWithoutData) +
              " messages of TLS (key updates, session tickets, attempts to renegotiate) and no data between them"};
}

}  // namespace countersign::tls
