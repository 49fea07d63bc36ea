#include "base/gathering_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <sys/uio.h>

namespace countersign::base {
namespace {

constexpr std::string_view kEnd = "\n";
static_assert(GatheringSink::kMost <= PIPE_BUF);

iovec to_part(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

bool GatheringSink::try_gather(std::string_view line) {
  const std::lock_guard lock(gathering_);
  if (waiting_.size() + line.size() + kEnd.size() > kMost) return false;
  (waiting_ += line) += kEnd;
  return true;
}

void GatheringSink::gather(std::string_view line) {
  if (try_gather(line)) return;
  flush();
  if (!try_gather(line)) write(line);  // too long to wait, or others were faster
}

/// Under writing_.
void GatheringSink::take_waiting() {
  taken_.clear();
  const std::lock_guard lock(gathering_);
  taken_.swap(waiting_);
}

void GatheringSink::flush() {
  const std::lock_guard lock(writing_);
  take_waiting();
  put(taken_, {}, {});
}

void GatheringSink::write(std::string_view line) {
  const std::lock_guard lock(writing_);
  take_waiting();
  if (taken_.size() + line.size() + kEnd.size() <= kMost) return put(taken_, line, kEnd);
  put(taken_, {}, {});
  put({}, line, kEnd);
}

/// The kernel keeps what one call writes together (a file, a pipe up to PIPE_BUF); the lock of the caller keeps a rest
/// behind its line, should a call take a part of it only.
void GatheringSink::put(std::string_view first, std::string_view line, std::string_view end) {
  iovec parts[] = {to_part(torn_ ? kEnd : std::string_view()), to_part(first), to_part(line), to_part(end)};
  iovec* part = parts;
  for (int left = 4;;) {
    for (; left > 0 && part->iov_len == 0; --left)
      ++part;
    if (left == 0) return;
    const ssize_t written = ::writev(descriptor_, part, left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // nobody is left to tell
    for (auto rest = static_cast<std::size_t>(written); rest > 0;) {
      const std::size_t done = std::min(rest, part->iov_len);
      *part = to_part({static_cast<char*>(part->iov_base) + done, part->iov_len - done});
      rest -= done;
      if (done > 0) torn_ = static_cast<char*>(part->iov_base)[-1] != kEnd.front();
      if (part->iov_len == 0) ++part, --left;
    }
  }
}

}  // namespace countersign::base
