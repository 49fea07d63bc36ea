#include "http/h2_run.h"

#include <algorithm>
#include <array>

namespace countersign::http {
namespace {

/// What a connection keeps to read into: little while its frames are small, four times as much whenever one read filled
/// it. (libssl has read a whole record anyway: a second call for the rest of it is no system call.)
constexpr std::size_t kSmallBuffer = 512;
constexpr std::size_t kLargeBuffer = 16 * 1024;
constexpr std::size_t kGrowth = 4;
/// What an idle connection may keep of what it wrote from.
constexpr std::size_t kKeptToWrite = 4 * 1024;
/// How long our last frames may take, and how much the client may still send meanwhile.
constexpr base::Duration kPartingTime = std::chrono::seconds(2);
constexpr base::Duration kCutTime = std::chrono::milliseconds(500);
constexpr std::size_t kPartingBytes = 1024 * 1024;
constexpr std::size_t kDropped = 4 * 1024;  ///< at once
/// A wait that something else ends.
constexpr base::Duration kForEver = std::chrono::hours(24);

}  // namespace

H2Run::H2Run(net::Loop& loop, net::Stream& stream, std::shared_ptr<H2Link> link, base::Duration write_time,
             const base::Log& log)
    : loop_(loop), stream_(stream), link_(std::move(link)), write_time_(write_time), log_(log), done_(loop) {}

net::Task<void> H2Run::read_frames() {
  base::Bytes buffer(kSmallBuffer);
  while (!ending_ && !link_->failure() && !link_->is_over()) {
    const auto got = co_await stream_.read_some(buffer, link_->read_deadline());
    if (ending_) co_return;
    if (!got && got.error().kind == base::Kind::timeout) {
      if (link_->is_late()) co_return;
      continue;
    }
    if (!got && !link_->failure()) failure_ = got.error();
    if (!got || *got == 0) co_return;
    link_->receive(std::span(buffer).first(*got));
    if (*got == buffer.size() && buffer.size() < kLargeBuffer)
      buffer = base::Bytes(std::min(buffer.size() * kGrowth, kLargeBuffer));
    else if (buffer.size() > kSmallBuffer && !link_->is_busy()) buffer = base::Bytes(kSmallBuffer);
  }
}

/// Reads and drops a little, so that our last frames are not lost to a reset.
net::Task<void> H2Run::drop_the_rest() {
  std::array<std::uint8_t, kDropped> dropped;
  const net::Deadline deadline = net::Deadline::after(kPartingTime);
  for (std::size_t total = 0; total < kPartingBytes && !is_cut_;) {
    const auto got = co_await stream_.read_some(dropped, deadline);
    if (!got || *got == 0) co_return;
    total += *got;
  }
}

net::Task<void> H2Run::read() {
  co_await read_frames();
  ending_ = true;
  done_.raise();
  if (!failure_) co_await drop_the_rest();
}

net::Task<void> H2Run::write_frames() {
  base::Bytes out;
  for (;;) {
    link_->gather();
    if (link_->pending().empty()) {
      if (dry_ || link_->is_over()) co_return;
      if (!link_->is_busy() && out.capacity() + link_->pending().capacity() > kKeptToWrite) {
        base::Bytes().swap(out);
        base::Bytes().swap(link_->pending());
      }
      (void)co_await link_->work().wait(loop_.deadline_in(kForEver));
      continue;
    }
    out.swap(link_->pending());
    link_->pending().clear();
    writing_ = true;
    auto written = co_await stream_.write_all(out, loop_.deadline_in(is_cut_ ? kCutTime : write_time_));
    writing_ = false;
    if (written) continue;
    if (!failure_) failure_ = std::move(written).error();
    co_return;
  }
}

net::Task<void> H2Run::write() {
  co_await write_frames();
  dry_ = written_ = true;
  done_.raise();
}

net::Task<base::Result<void>> H2Run::run() {
  net::TaskGroup reader(loop_, log_);
  net::TaskGroup writer(loop_, log_);
  reader.spawn(read(), "h2.read");
  writer.spawn(write(), "h2.write");
  while (!ending_ && !dry_)
    (void)co_await done_.wait(net::Deadline::after(kForEver));
  link_->close_streams();
  // What is to be said still is said; then the stream ends, and with it whoever waits for it.
  ending_ = dry_ = true;
  link_->work().raise();
  const net::Deadline parting = net::Deadline::after(is_cut_ ? kCutTime : kPartingTime);
  (void)co_await writer.wait_until_empty(parting);
  if (!is_cut_) {
    co_await stream_.finish(parting);
    (void)co_await reader.wait_until_empty(parting);
  }
  stream_.abort();
  while (reader.live() + writer.live() > 0) {
    (void)co_await reader.wait_until_empty(net::Deadline::after(kPartingTime));
    (void)co_await writer.wait_until_empty(net::Deadline::after(kPartingTime));
  }
  if (link_->failure()) co_return base::unexpected(*link_->failure());
  if (failure_) co_return base::unexpected(std::move(*failure_));
  co_return base::Result<void>();
}

void H2Run::cut() {
  is_cut_ = ending_ = dry_ = true;
  link_->close_streams();
  if (writing_ || written_ || !stream_.is_on_its_way()) stream_.cut();
  else link_->drop_all_but_goodbye();
  done_.raise();
}

}  // namespace countersign::http
