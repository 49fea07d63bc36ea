#include "net/readiness.h"

#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace countersign::net {
namespace {

constexpr std::uint32_t kGone = EPOLLHUP | EPOLLERR;
constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP | kGone;
constexpr std::uint32_t kWritable = EPOLLOUT | kGone;
/// Reading stops at urgent data, and before the end (tcp(7)).
constexpr std::uint32_t kBehindBytes = EPOLLRDHUP | EPOLLPRI | kGone;

}  // namespace

boost::asio::execution_context::id Readiness::id;

Readiness::Readiness(boost::asio::io_context& io)
    : boost::asio::execution_context::service(io),
      executor_(io.get_executor()),
      epoll_(executor_),
      waiters_(boost::asio::use_service<Waiters>(io)) {
  const int made = epoll_create1(EPOLL_CLOEXEC);
  if (made < 0) {
    failure_ = errno;
    return;
  }
  boost::system::error_code error;
  epoll_.assign(made, error);
  if (!error) return;
  failure_ = error.value();
  ::close(made);
}

/// The loop dies: so do the tasks that wait, and with them sockets and other tasks' frames.
void Readiness::shutdown() {
  over_ = true;
  for (Watched* watched = first_; watched != nullptr; watched = watched->next_) {
    watched->reading.waiter_.drop();  // destroyed by the executor, not here: the list stays as it is
    watched->writing.waiter_.drop();
  }
  boost::system::error_code ignored;
  epoll_.close(ignored);
}

int Readiness::Watched::open(int descriptor) {
  if (readiness_.failure_ != 0) return readiness_.failure_;
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.ptr = this;
  if (epoll_ctl(readiness_.epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return errno;
  descriptor_ = descriptor;
  previous_ = nullptr;  // of a life before close()
  next_ = readiness_.first_;
  if (next_ != nullptr) next_->previous_ = this;
  readiness_.first_ = this;
  return 0;
}

/// Taken out of the instance before it is closed: another process may have the connection, too (a child between fork
/// and exec), and then closing ours would leave it in there, with a pointer to what is no more.
void Readiness::Watched::close() noexcept {
  if (descriptor_ < 0) return;
  if (!readiness_.over_) {
    epoll_ctl(readiness_.epoll_.native_handle(), EPOLL_CTL_DEL, descriptor_, nullptr);
    readiness_.forget(*this);
    disturb(reading);
    disturb(writing);
  }
  ::close(std::exchange(descriptor_, -1));
  (previous_ == nullptr ? readiness_.first_ : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

bool Readiness::Watched::is_ready_now(const Side& side) const {
  pollfd one{descriptor_, static_cast<short>(&side == &reading ? POLLIN : POLLOUT), 0};
  return ::poll(&one, 1, 0) > 0;
}

void Readiness::Watched::disturb(Side& side) {
  if (!side.waiter_) return;
  side.waiter_.resume_on(readiness_.executor_);
  readiness_.wait_no_more();
}

void Readiness::note_waiting() {
  ++waiting_;
  if (!telling_) arm();
}

void Readiness::wait_no_more() {
  if (--waiting_ > 0 || !armed_ || telling_) return;
  boost::system::error_code ignored;
  epoll_.cancel(ignored);
}

void Readiness::arm() {
  if (std::exchange(armed_, true)) return;
  epoll_.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (over_) return;
    armed_ = false;
    if (!error) tell_batch();
    if (waiting_ > 0) arm();
  });
}

/// What there is to tell now. Noted at once of every socket: whoever goes on by one event may ask for another socket.
void Readiness::look() {
  ++looks_;
  looked_at_ = std::chrono::steady_clock::now();
  const int found = epoll_wait(epoll_.native_handle(), batch_.data(), static_cast<int>(batch_.size()), 0);
  count_ = found > 0 ? static_cast<std::size_t>(found) : 0;
  for (std::size_t i = 0; i < count_; ++i) {
    auto& watched = *static_cast<Watched*>(batch_[i].data.ptr);
    const std::uint32_t events = batch_[i].events;
    if ((events & kBehindBytes) != 0) watched.may_hide_more_ = true;
    if ((events & kReadable) != 0) watched.reading.maybe_ready = true;
  }
}

void Readiness::tell_batch() {
  look();
  telling_ = true;
  waiters_.collect();
  for (told_ = 0; told_ < count_; ++told_)
    tell(told_);
  count_ = 0;
  waiters_.go_on();
  telling_ = false;
  for (const auto& work : std::exchange(after_, {}))
    work();
}

void Readiness::tell(std::size_t index) {
  auto* const watched = static_cast<Watched*>(batch_[index].data.ptr);
  const std::uint32_t events = batch_[index].events;
  if (watched == nullptr) return;
  const auto ready = [&](Side& side, std::uint32_t what) {
    if ((events & what) == 0) return false;
    side.maybe_ready = true;
    if (!side.waiter_) return false;
    side.told_ = true;
    --waiting_;
    return true;
  };
  const bool reads = ready(watched->reading, kReadable);
  const bool writes = ready(watched->writing, kWritable);
  // Whoever goes on may destroy the other's socket, which forget() notes.
  if (writes && reads) watched->writing.waiter_.resume_on(executor_);
  else if (writes) watched->writing.waiter_.resume();
  if (reads) watched->reading.waiter_.resume();
}

/// What is told of it in this batch is told no more.
void Readiness::forget(const Watched& watched) {
  for (std::size_t i = told_; i < count_; ++i)
    if (batch_[i].data.ptr == &watched) batch_[i].data.ptr = nullptr;
}

}  // namespace countersign::net
