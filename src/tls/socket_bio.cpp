#include "tls/socket_bio.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <openssl/ssl.h>

namespace countersign::tls {
namespace {

/// What a BIO of ours stands on.
struct End {
  net::Socket* socket;
  MessageCount messages = {};
  bool holds_next = false;  ///< the next bytes wait for those behind them
  std::string held = {};
};

End& end_of(BIO* bio) { return *static_cast<End*>(BIO_get_data(bio)); }
net::Socket& socket_of(BIO* bio) { return *end_of(bio).socket; }

bool is_worth_another_try(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int read_socket(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto space = std::span(reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size));
  const ssize_t got = socket_of(bio).read_now(space);
  if (got < 0 && is_worth_another_try(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

/// Writes `data`; -1 with the BIO's mark where it is to be tried again.
ssize_t write_now(BIO* bio, std::string_view data) {
  const ssize_t sent = socket_of(bio).write_now(base::as_bytes(data));
  if (sent < 0 && is_worth_another_try(errno)) BIO_set_retry_write(bio);
  return sent;
}

/// What was held, and `data` behind it, in one system call.
int write_with_held(BIO* bio, std::string_view data) {
  std::string& held = end_of(bio).held;
  const std::size_t before = held.size();
  std::string all = held;
  all += data;
  const ssize_t sent = write_now(bio, all);
  if (sent < 0) return static_cast<int>(sent);
  const auto count = static_cast<std::size_t>(sent);
  held.erase(0, std::min(count, before));
  if (count > before) return static_cast<int>(count - before);
  BIO_set_retry_write(bio);
  return -1;
}

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const std::string_view data(bytes, static_cast<std::size_t>(size));
  End& end = end_of(bio);
  if (end.holds_next) {
    end.holds_next = false;
    end.held += data;
    return size;
  }
  return end.held.empty() ? static_cast<int>(write_now(bio, data)) : write_with_held(bio, data);
}

int destroy_end(BIO* bio) {
  delete static_cast<End*>(BIO_get_data(bio));
  BIO_set_data(bio, nullptr);
  return 1;
}

long control_socket(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

const BIO_METHOD* method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "countersign socket");
    if (one == nullptr) return one;
    BIO_meth_set_read(one, read_socket);
    BIO_meth_set_write(one, write_socket);
    BIO_meth_set_ctrl(one, control_socket);
    BIO_meth_set_destroy(one, destroy_end);
    return one;
  }();
  return made;
}

}  // namespace

bool attach_socket(SSL* ssl, net::Socket& socket) {
  BIO* bio = method() == nullptr ? nullptr : BIO_new(method());
  if (bio == nullptr) return false;
  BIO_set_data(bio, new End{&socket});
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  limit_messages(ssl);
  return true;
}

MessageCount& message_count_of(SSL* ssl) { return end_of(SSL_get_rbio(ssl)).messages; }

void follow_socket(SSL* ssl, net::Socket& socket) { end_of(SSL_get_rbio(ssl)).socket = &socket; }

void hold_next_write(SSL* ssl) { end_of(SSL_get_rbio(ssl)).holds_next = true; }

}  // namespace countersign::tls
