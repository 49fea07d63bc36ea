#include "tls/socket_bio.h"

#include <cerrno>

#include <openssl/ssl.h>

namespace countersign::tls {
namespace {

net::Socket& socket_of(BIO* bio) { return *static_cast<net::Socket*>(BIO_get_data(bio)); }

bool is_worth_another_try(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int read_socket(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto space = std::span(reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size));
  const ssize_t got = socket_of(bio).read_now(space);
  if (got < 0 && is_worth_another_try(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

int write_socket(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = socket_of(bio).write_now(base::as_bytes(std::string_view(data, static_cast<std::size_t>(size))));
  if (sent < 0 && is_worth_another_try(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
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
    return one;
  }();
  return made;
}

}  // namespace

bool attach_socket(SSL* ssl, net::Socket& socket) {
  BIO* bio = method() == nullptr ? nullptr : BIO_new(method());
  if (bio == nullptr) return false;
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return true;
}

void follow_socket(SSL* ssl, net::Socket& socket) { BIO_set_data(SSL_get_rbio(ssl), &socket); }

}  // namespace countersign::tls
