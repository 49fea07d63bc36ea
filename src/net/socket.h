// Socket: a TCP connection on Asio, non-blocking, TCP_NODELAY, every wait under a deadline.
//
// Operations try first and wait only when they must. abort() and even the destruction of a Socket are safe while a task
// is suspended in it: the operation fails with `net.reset`. A moved-from Socket is as an aborted one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/listen_socket.h"
#include "net/loop.h"
#include "net/stream.h"

namespace countersign::net {

class Socket final : public Stream {
 public:
  enum class Ready { read, write };
  struct Impl;

  ~Socket() override;
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&& other) noexcept;  ///< aborts what it held

  /// Resolves and connects, trying each address in turn within the deadline. `loop` is the caller's loop. Addresses are
  /// remembered for 5 s, and for 60 s where the name does not resolve any more.
  /// Fails: `net.resolve`, `net.connect`, `net.timeout`.
  static Task<base::Result<Socket>> connect(Loop& loop, Endpoint to, Deadline deadline);
  /// The same from `source`, an address of this machine; addresses of the other family are passed over. Empty:
  /// whichever the kernel chooses. Fails, besides: `net.connect` where `source` is not ours.
  static Task<base::Result<Socket>> connect_from(Loop& loop, std::string source, Endpoint to, Deadline deadline);

  Task<base::Result<std::size_t>> read_some(std::span<std::uint8_t> into, Deadline deadline) override;
  Task<base::Result<void>> write_all(base::BytesView data, Deadline deadline) override;
  Task<void> finish(Deadline deadline) override;
  void abort() noexcept override;
  void cut() noexcept override;
  bool is_on_its_way() const override;
  void when_aborted(std::function<void()> then) override;
  const Endpoint& peer() const override;
  const Endpoint& local() const override;
  bool has_unexpected_input() override;
  bool is_known_silent() const override;

  /// For tls, which reads and writes the descriptor itself: completes when it is ready. Fails: as read_some, and
  /// `net.busy` (Kind::internal) while another operation waits in the same direction, which is left undisturbed.
  Task<base::Result<void>> wait(Ready direction, Deadline deadline);
  /// Also for tls: ask once an operation, before it. True when 32 operations in a row found the descriptor ready, and
  /// it is time to yield().
  bool is_yield_due();
  /// Lets the loop's other tasks run. The socket may have been aborted meanwhile.
  Task<void> yield();
  /// Also for tls: recv and send without waiting; -1 with errno set. A read that emptied the kernel's buffer is
  /// remembered: until the next wait(), reading again fails with EAGAIN and asks nobody.
  ssize_t read_now(std::span<std::uint8_t> into);
  ssize_t write_now(base::BytesView data);
  /// Would read_now() fail with EAGAIN, for it has nobody to ask before the next wait()?
  bool is_drained() const;
  Executor executor() const;
  /// Also for tls: the turns of this socket's loop.
  Turns& turns() const;
  /// The descriptor, owned by this object.
  int descriptor() const;
  /// Ends the connection from outside of the task that owns it, wherever the socket has moved to by then: both sides
  /// see the end of the stream. Unlike abort(), it leaves the descriptor open, so it is safe while libssl uses that. To
  /// be called on this loop; does nothing once the socket is gone.
  std::function<void()> hang_up() const;
  /// Has hang_up() been used? What the other side sent before may still be read.
  bool was_hung_up() const;
  /// From now on the other end is called `peer`: somebody whom we believe it of said for whom the connection is.
  void introduce(Endpoint peer);

 private:
  friend class Listener;
  struct Attempt;
  explicit Socket(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  ///< shared with suspended operations only
};

/// Listens on one address; port 0 lets the kernel choose.
class Listener {
 public:
  using Options = ListenSocket::Options;
  struct Impl;

  ~Listener();
  Listener(Listener&&) noexcept;
  /// Fails: `net.listen`, naming the address and the reason.
  static base::Result<Listener> bind(Loop& loop, const Options& options);
  /// The same with a socket that listens already. On the loop's thread, once that runs. Fails: `net.listen`.
  static base::Result<Listener> watch(Loop& loop, ListenSocket socket);
  /// The address bound, with the real port.
  const Endpoint& local() const;
  /// The next connection. Out of descriptors, memory or room in epoll, it waits and tries again rather than fail.
  /// Fails: `net.closed` after close().
  Task<base::Result<Socket>> accept();
  /// Takes no more connections; a pending accept() fails with `net.closed`.
  void close();

 private:
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  ///< shared with a pending accept() only
};

/// Hands every connection to `take` until the listener is closed, and ends for no other reason: an exception (memory
/// has run out) is logged as `accept.failed` with `name`, and after a pause accepting goes on; when even that cannot be
/// done, the process ends (std::terminate). Borrows `listener` and `log`.
Task<void> accept_each(Listener& listener, std::function<void(Socket)> take, std::string name, const base::Log& log);

}  // namespace countersign::net
