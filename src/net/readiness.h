// Readiness: which sockets of a loop can be read or written, as an epoll instance of our own tells. Private to net.
//
// A socket is registered once, for its whole life: edge-triggered, both directions, and the end of what the peer sends
// (EPOLLRDHUP). Asio watches the instance as one descriptor, and so a batch of events costs one look and one new wait,
// where Asio alone takes a system call for every wait of every socket. And since an event says whether the end came
// with the bytes, a read that got less than it asked for is known to have emptied the socket (ADR 0056).
//
// A service of the loop's io_context; everything here belongs to the loop's thread.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <sys/epoll.h>

#include "net/loop.h"
#include "net/resumption.h"
#include "net/waiters.h"

namespace countersign::net {

using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;

class Readiness final : public boost::asio::execution_context::service {
 public:
  static boost::asio::execution_context::id id;

  /// One direction of a socket.
  class Side {
   public:
    /// Not yet known to be at its end: worth a try. Whoever sees EAGAIN says so by setting it to false.
    bool maybe_ready = true;
    /// By an event, since suspend()? Else the task goes on because it was disturbed.
    bool was_told() const { return told_; }

   private:
    friend class Readiness;
    bool told_ = false;
    Resumption waiter_;
  };

  /// A socket. Dies or is closed at any time: no event for it is told any more, nor is one for it told to whoever gets
  /// the number of its descriptor next.
  class Watched {
   public:
    explicit Watched(Readiness& readiness) : readiness_(readiness) {}
    ~Watched() { close(); }
    Watched(const Watched&) = delete;

    /// Owns `descriptor` from now on; 0, or errno when the kernel has no room left to watch it: then it is not owned.
    int open(int descriptor);
    /// Closes the descriptor and has whoever waits go on soon.
    void close() noexcept;
    int descriptor() const { return descriptor_; }
    /// An event told of the peer's end, of a failure or of urgent data: a read that got less than it asked for does not
    /// mean that nothing more is there.
    bool may_hide_more() const { return may_hide_more_; }
    /// A read found that nothing is left.
    void note_drained() {
      reading.maybe_ready = false;
      drained_in_ = readiness_.looks_;
    }
    /// Has the loop looked since, and found neither bytes nor an end when it asked for the batch that it tells just
    /// now? False where that is not known. Asks nobody (ADR 0059).
    bool was_silent() const {
      const bool looked_since = readiness_.telling_ && drained_in_ < readiness_.looks_;
      return looked_since && !reading.maybe_ready && !may_hide_more_;
    }

    /// To be awaited: until `side`, one of this socket's, is ready, or until disturb() or close(). One task at a time
    /// and side.
    auto suspend(Side& side) {
      return boost::asio::async_initiate<const boost::asio::deferred_t, void()>(
          [this, &side](auto handler) {
            side.told_ = false;
            side.waiter_.keep(std::move(handler));
            readiness_.note_waiting();
          },
          boost::asio::deferred);
    }
    /// Asks the kernel. For whoever suspends without having seen EAGAIN: what is there already is told of no more.
    bool is_ready_now(const Side& side) const;
    void disturb(Side& side);

    Side reading;
    Side writing;

   private:
    friend class Readiness;
    Readiness& readiness_;
    int descriptor_ = -1;
    bool may_hide_more_ = false;
    std::uint64_t drained_in_ = 0;  ///< the batch in which a read last found nothing left
    Watched* previous_ = nullptr;
    Watched* next_ = nullptr;
  };

  /// Where no descriptor is left for it, no socket can be opened.
  explicit Readiness(boost::asio::io_context& io);
  static Readiness& of(Loop& loop) { return loop.readiness(); }

  /// When the batch that is told was asked for; now, where none is.
  std::chrono::steady_clock::time_point turn_time() const {
    return telling_ ? looked_at_ : std::chrono::steady_clock::now();
  }
  /// Are the tasks of one batch of events being resumed just now?
  bool is_telling() const { return telling_; }
  /// Has `work` done once that is over. Only while is_telling().
  void after_this(std::function<void()> work) { after_.push_back(std::move(work)); }

 private:
  static constexpr std::size_t kBatch = 128;

  void shutdown() override;
  void arm();
  void note_waiting();
  void look();
  void tell_batch();
  void tell(std::size_t index);
  void forget(const Watched& watched);
  void wait_no_more();

  Executor executor_;
  Descriptor epoll_;
  Waiters& waiters_;
  int failure_ = 0;  ///< errno, where there is no instance
  std::array<epoll_event, kBatch> batch_;
  std::size_t told_ = 0;     ///< events of the batch before this one are dealt with
  std::size_t count_ = 0;    ///< events in the batch
  std::uint64_t looks_ = 0;  ///< batches asked for
  std::chrono::steady_clock::time_point looked_at_ = {};
  std::size_t waiting_ = 0;
  bool armed_ = false;  ///< Asio waits for the instance: only while somebody waits for a socket, else a loop never ends
  bool telling_ = false;
  bool over_ = false;
  Watched* first_ = nullptr;
  std::vector<std::function<void()>> after_;
};

}  // namespace countersign::net
