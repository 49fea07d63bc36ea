#include "http/h2_session.h"

#include <array>

#include "base/check.h"
#include "http/h2_core.h"

namespace countersign::http {
namespace {

/// What an idle connection keeps to read into, and what a busy one does.
constexpr std::size_t kSmallBuffer = 4 * 1024;
constexpr std::size_t kLargeBuffer = 16 * 1024;
/// How long our last frames may take, and how much the client may still send meanwhile.
constexpr base::Duration kPartingTime = std::chrono::seconds(2);
constexpr base::Duration kCutTime = std::chrono::milliseconds(500);
constexpr std::size_t kPartingBytes = 1024 * 1024;
/// RFC 9113 section 7.
constexpr std::uint32_t kNoError = 0;
/// A wait that something else ends.
constexpr base::Duration kForEver = std::chrono::hours(24);

}  // namespace

/// One run of a connection: a task that reads, a task that writes, and the end of both.
struct H2Session::Run {
  Run(net::Loop& loop, net::Stream& s, std::shared_ptr<H2Core> c, base::Duration w)
      : stream(s), core(std::move(c)), write_time(w), done(loop) {}

  net::Task<void> read();
  net::Task<void> read_frames();
  net::Task<void> drop_the_rest();
  net::Task<void> write();
  net::Task<void> write_frames();

  net::Stream& stream;
  const std::shared_ptr<H2Core> core;
  const base::Duration write_time;
  net::Signal done;     ///< one of both has ended, or they are to
  bool ending = false;  ///< nothing is read as frames any more
  bool dry = false;     ///< the writer ends as soon as there is nothing to write
  bool is_cut = false;
  std::optional<base::Error> failure = {};  ///< of the stream
};

net::Task<void> H2Session::Run::read_frames() {
  base::Bytes buffer(kSmallBuffer);
  while (!ending && !core->failure() && !core->is_over()) {
    const auto got = co_await stream.read_some(buffer, core->read_deadline());
    if (ending) co_return;
    if (!got && got.error().kind == base::Kind::timeout) {
      if (core->is_late()) co_return;
      continue;
    }
    if (!got && !core->failure()) failure = got.error();
    if (!got || *got == 0) co_return;
    core->receive(std::span(buffer).first(*got));
    if (*got == buffer.size() && buffer.size() < kLargeBuffer) buffer = base::Bytes(kLargeBuffer);
    else if (buffer.size() > kSmallBuffer && !core->is_busy()) buffer = base::Bytes(kSmallBuffer);
  }
}

/// Reads and drops a little, so that our last frames are not lost to a reset.
net::Task<void> H2Session::Run::drop_the_rest() {
  std::array<std::uint8_t, kSmallBuffer> dropped;
  const net::Deadline deadline = net::Deadline::after(kPartingTime);
  for (std::size_t total = 0; total < kPartingBytes && !is_cut;) {
    const auto got = co_await stream.read_some(dropped, deadline);
    if (!got || *got == 0) co_return;
    total += *got;
  }
}

net::Task<void> H2Session::Run::read() {
  co_await read_frames();
  ending = true;
  done.raise();
  if (!failure) co_await drop_the_rest();
}

net::Task<void> H2Session::Run::write_frames() {
  base::Bytes out;
  for (;;) {
    core->gather();
    if (core->pending().empty()) {
      if (dry || core->is_over()) co_return;
      if (!core->is_busy() && out.capacity() + core->pending().capacity() > kSmallBuffer) {
        base::Bytes().swap(out);
        base::Bytes().swap(core->pending());
      }
      (void)co_await core->work().wait(net::Deadline::after(kForEver));
      continue;
    }
    out.swap(core->pending());
    core->pending().clear();
    auto written = co_await stream.write_all(out, net::Deadline::after(write_time));
    if (written) continue;
    if (!failure) failure = std::move(written).error();
    co_return;
  }
}

net::Task<void> H2Session::Run::write() {
  co_await write_frames();
  dry = true;
  done.raise();
}

struct H2Session::Parts {
  net::Loop& loop;
  net::Stream& stream;
  const base::Log& log;
  std::shared_ptr<H2Core> core;
  Run run;
};

H2Session::H2Session(net::Loop& loop, net::Stream& stream, Options options, const base::Log& log) {
  const base::Duration write_time = options.limits.write_time;
  auto core = std::make_shared<H2Core>(loop, options.limits,
                                       H2Core::Owner{std::move(options.serve), std::move(options.malformed)});
  parts_.reset(new Parts{loop, stream, log, core, Run(loop, stream, core, write_time)});
}

H2Session::~H2Session() = default;

net::Task<base::Result<void>> H2Session::run() {
  Run& run = parts_->run;
  const std::shared_ptr<H2Core> core = parts_->core;
  net::TaskGroup reader(parts_->loop, parts_->log);
  net::TaskGroup writer(parts_->loop, parts_->log);
  reader.spawn(run.read(), "h2.read");
  writer.spawn(run.write(), "h2.write");
  while (!run.ending && !run.dry)
    (void)co_await run.done.wait(net::Deadline::after(kForEver));
  core->close_streams();
  // What is to be said still is said; then the stream ends, and with it whoever waits for it.
  run.ending = run.dry = true;
  core->work().raise();
  const net::Deadline parting = net::Deadline::after(run.is_cut ? kCutTime : kPartingTime);
  (void)co_await writer.wait_until_empty(parting);
  if (!run.is_cut) {
    co_await run.stream.finish(parting);
    (void)co_await reader.wait_until_empty(parting);
  }
  run.stream.abort();
  while (reader.live() + writer.live() > 0) {
    (void)co_await reader.wait_until_empty(net::Deadline::after(kPartingTime));
    (void)co_await writer.wait_until_empty(net::Deadline::after(kPartingTime));
  }
  if (core->failure()) co_return base::unexpected(*core->failure());
  if (run.failure) co_return base::unexpected(std::move(*run.failure));
  co_return base::Result<void>();
}

void H2Session::wind_down() { parts_->core->wind_down(); }

void H2Session::cut() {
  Run& run = parts_->run;
  run.is_cut = run.ending = run.dry = true;
  parts_->core->close_streams();
  parts_->core->terminate(kNoError);
  run.done.raise();
}

std::size_t H2Session::live_streams() const { return parts_->core->live(); }

}  // namespace countersign::http
