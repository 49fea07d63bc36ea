// TlsStream: the bytes of a finished handshake, libssl working directly on the socket's descriptor. Private to tls.
#pragma once

#include <memory>
#include <optional>

#include "net/socket.h"
#include "net/wakeup.h"
#include "tls/library.h"

typedef struct ssl_st SSL;

namespace countersign::tls {

/// Keeps the library that the SSL object was made with.
struct FreeSsl {
  std::shared_ptr<const Library> library = nullptr;
  void operator()(SSL* ssl) const;
};
using SslHandle = std::unique_ptr<SSL, FreeSsl>;

/// What an SSL_* call that did not succeed needs next.
enum class Need { read, write, closed, failed };
Need need_after(SSL* ssl, int result);

/// The failure of an SSL_* call in this thread: `tls.alert_received` naming the alert, `tls.truncated` (RFC 8446
/// section 6.1: closed without close_notify), `tls.flood`, `tls.protocol`, or `net.reset`. Takes libssl's errors off
/// the queue.
base::Error take_failure(SSL* ssl);
/// The number of the fatal alert at the head of libssl's queue, if that is what failed. Leaves the queue alone.
std::optional<int> peek_alert_received();

class TlsStream final : public net::Stream {
 public:
  /// `ssl` has `socket` attached.
  TlsStream(net::Socket socket, SslHandle ssl);

  net::Task<base::Result<std::size_t>> read_some(std::span<std::uint8_t> into, net::Deadline deadline) override;
  net::Task<base::Result<void>> write_all(base::BytesView data, net::Deadline deadline) override;
  net::Task<void> finish(net::Deadline deadline) override;
  void abort() noexcept override;
  void cut() noexcept override;
  bool is_on_its_way() const override { return socket_.is_on_its_way(); }
  void when_aborted(std::function<void()> then) override { socket_.when_aborted(std::move(then)); }
  const net::Endpoint& peer() const override { return socket_.peer(); }
  const net::Endpoint& local() const override { return socket_.local(); }
  bool has_unexpected_input() override;
  bool is_known_silent() const override;
  /// Was it ended because the peer sent too many messages beside data?
  bool was_flooded() const;

 private:
  /// One direction of the socket: at most one operation waits on it, and a second one for that to go on.
  struct Wait {
    bool taken = false;
    std::optional<net::Wakeup> second = {};
  };
  net::Task<base::Result<void>> wait(net::Socket::Ready direction, net::Deadline deadline);
  net::Task<base::Result<void>> wait_for_first(Wait& on, net::Deadline deadline);
  net::Task<base::Result<void>> wait_for(Need need, net::Deadline deadline);
  bool is_drained() const;
  std::size_t take_along(std::span<std::uint8_t> into, std::size_t last);
  void wake_both();
  base::Error broken() const;

  net::Socket socket_;
  SslHandle ssl_;
  /// After a failure libssl forbids further calls (SSL_shutdown included); after abort() its descriptor is closed, and
  /// the number may be somebody else's by now: no call into libssl either.
  bool broken_ = false;
  bool read_well_ = false;                    ///< the last SSL_read gave something
  std::unique_ptr<base::Error> untold_ = {};  ///< why it is broken, where the reader was not told
  Wait input_ = {};
  Wait output_ = {};
};

}  // namespace countersign::tls
