#include "tls/tls_stream.h"

#include <algorithm>
#include <climits>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "crypto/openssl_error.h"
#include "tls/alert.h"
#include "tls/socket_bio.h"

namespace countersign::tls {
namespace {

/// libssl reports a fatal alert from the peer as this much above the alert's number (ssl.h: SSL_AD_REASON_OFFSET).
constexpr int kAlertOffset = SSL_AD_REASON_OFFSET;

/// ERR_clear_error() goes through the whole queue, whether or not something is in it; it is asked for before every
/// call.
void clear_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

int clamp(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

void FreeSsl::operator()(SSL* ssl) const { SSL_free(ssl); }

Need need_after(SSL* ssl, int result) {
  if (is_flooded(ssl)) return Need::failed;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ: return Need::read;
    case SSL_ERROR_WANT_WRITE: return Need::write;
    case SSL_ERROR_ZERO_RETURN: return Need::closed;
    default: return Need::failed;
  }
}

std::optional<int> peek_alert_received() {
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL || reason < kAlertOffset || reason > kAlertOffset + 255) return std::nullopt;
  return reason - kAlertOffset;
}

base::Error take_failure(SSL* ssl) {
  if (is_flooded(ssl)) {
    clear_errors();
    return flooded();
  }
  const unsigned long error = ERR_peek_error();
  if (error == 0) return {base::Kind::unavailable, "net.reset", "the connection was reset"};
  if (const auto alert = peek_alert_received()) {
    ERR_clear_error();
    return {base::Kind::denied, "tls.alert_received",
            "the peer ended the connection with the alert " + name_of_received(*alert) + " (" + std::to_string(*alert) +
                ")"};
  }
  if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return {base::Kind::unavailable, "tls.truncated",
            "the peer closed the connection without saying so (no close_notify)"};
  }
  return crypto::openssl_error(base::Kind::invalid, "tls.protocol", "TLS failed");
}

base::Error TlsStream::broken() const {
  return {base::Kind::unavailable, "net.reset", "the connection had failed or been closed before"};
}

void TlsStream::abort() noexcept {
  broken_ = true;
  socket_.abort();
  wake_both();
}

void TlsStream::cut() noexcept {
  broken_ = true;
  socket_.cut();
  wake_both();
}

void TlsStream::wake_both() {
  for (Wait* on : {&input_, &output_})
    if (on->second) on->second->wake();
}

/// TLS may have to read in order to write (RFC 8446 section 4.6.3: a key update has begun to arrive), and to write in
/// order to read. While the other operation is suspended in that direction already, this one waits for it to go on.
net::Task<base::Result<void>> TlsStream::wait_for_first(Wait& on, net::Deadline deadline) {
  on.second.emplace(socket_.executor());
  const bool woken = co_await on.second->wait(deadline);
  on.second.reset();
  if (!woken)
    co_return base::fail(base::Kind::timeout, "net.timeout", "the other side was not ready before the deadline");
  co_return base::Result<void>();
}

net::Task<base::Result<void>> TlsStream::wait(net::Socket::Ready direction, net::Deadline deadline) {
  Wait& on = direction == net::Socket::Ready::read ? input_ : output_;
  if (on.taken) co_return co_await wait_for_first(on, deadline);
  on.taken = true;
  auto waited = co_await socket_.wait(direction, deadline);
  on.taken = false;
  if (on.second) on.second->wake();
  co_return waited;
}

net::Task<base::Result<void>> TlsStream::wait_for(Need need, net::Deadline deadline) {
  return wait(need == Need::write ? net::Socket::Ready::write : net::Socket::Ready::read, deadline);
}

TlsStream::TlsStream(net::Socket socket, SslHandle ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {
  follow_socket(ssl_.get(), socket_);
  begin_counting_anew(ssl_.get());
}

bool TlsStream::was_flooded() const { return is_flooded(ssl_.get()); }

/// Nothing has arrived since SSL_read gave out all that there was, and there is nothing that it would have to write.
bool TlsStream::is_drained() const { return read_well_ && socket_.is_drained() && SSL_has_pending(ssl_.get()) == 0; }

/// What is there of the records behind a full one, without waiting: who reads a body by larger pieces than a record can
/// hold (16 KiB, RFC 8446 section 5.1) passes it on by such pieces, too. What it fails with is told by the next read.
std::size_t TlsStream::take_along(std::span<std::uint8_t> into, std::size_t last) {
  std::size_t taken = 0;
  while (last == SSL3_RT_MAX_PLAIN_LENGTH && taken < into.size() && !is_drained()) {
    clear_errors();
    const int count = SSL_read(ssl_.get(), into.data() + taken, clamp(into.size() - taken));
    read_well_ = count > 0;
    last = read_well_ ? static_cast<std::size_t>(count) : 0;
    taken += last;
    if (read_well_) note_data(ssl_.get());
    else if (need_after(ssl_.get(), count) == Need::failed) {
      broken_ = true;
      untold_ = std::make_unique<base::Error>(take_failure(ssl_.get()));
    }
  }
  return taken;
}

net::Task<base::Result<std::size_t>> TlsStream::read_some(std::span<std::uint8_t> into, net::Deadline deadline) {
  if (socket_.is_yield_due()) co_await socket_.yield();
  if (!broken_ && is_drained()) BASE_CO_TRY_VOID(co_await wait(net::Socket::Ready::read, deadline));
  while (!broken_) {
    clear_errors();
    const int count = SSL_read(ssl_.get(), into.data(), clamp(into.size()));
    read_well_ = count > 0;
    if (count > 0) {
      note_data(ssl_.get());
      const auto first = static_cast<std::size_t>(count);
      co_return first + take_along(into.subspan(first), first);
    }
    const Need need = need_after(ssl_.get(), count);
    if (need == Need::closed) co_return std::size_t{0};
    if (need == Need::failed) {
      broken_ = true;
      co_return base::unexpected(take_failure(ssl_.get()));
    }
    BASE_CO_TRY_VOID(co_await wait_for(need, deadline));
  }
  const auto failure = std::exchange(untold_, nullptr);
  co_return base::unexpected(failure != nullptr ? std::move(*failure) : broken());
}

net::Task<base::Result<void>> TlsStream::write_all(base::BytesView data, net::Deadline deadline) {
  while (!data.empty()) {
    if (socket_.is_yield_due()) co_await socket_.yield();
    if (broken_) co_return base::unexpected(broken());
    clear_errors();
    const int count = SSL_write(ssl_.get(), data.data(), clamp(data.size()));
    if (count > 0) {
      data = data.subspan(static_cast<std::size_t>(count));
      continue;
    }
    const Need need = need_after(ssl_.get(), count);
    if (need == Need::failed || need == Need::closed) {
      broken_ = true;
      co_return base::unexpected(take_failure(ssl_.get()));
    }
    BASE_CO_TRY_VOID(co_await wait_for(need, deadline));
  }
  co_return base::Result<void>();
}

net::Task<void> TlsStream::finish(net::Deadline deadline) {
  if (broken_) co_return;
  clear_errors();
  SSL_shutdown(ssl_.get());  // one way is enough: we say that we are done, and read on if the caller wants
  clear_errors();
  co_await socket_.finish(deadline);
}

bool TlsStream::has_unexpected_input() {
  if (broken_ || SSL_pending(ssl_.get()) > 0) return true;
  if (SSL_has_pending(ssl_.get()) == 0 && !socket_.has_unexpected_input()) return false;
  // The bytes may be a session ticket or key update, which is nobody's answer: let libssl look at them.
  char byte;
  clear_errors();
  const int count = SSL_peek(ssl_.get(), &byte, 1);
  const bool silent = count <= 0 && need_after(ssl_.get(), count) == Need::read;
  if (!silent && count <= 0) broken_ = true;
  clear_errors();
  return !silent;
}

/// Whatever comes, a session ticket as well, is an event of the socket's.
bool TlsStream::is_known_silent() const {
  return !broken_ && SSL_has_pending(ssl_.get()) == 0 && socket_.is_known_silent();
}

}  // namespace countersign::tls
