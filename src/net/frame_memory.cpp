#include "net/frame_memory.h"

#include <array>
#include <new>

namespace countersign::net {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;  // so that it sees who uses a frame that has ended
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif
#else
constexpr bool kKeeps = true;
#endif

/// Sizes are rounded up to these; a larger frame (with a buffer for a body in it) is malloc's.
constexpr std::size_t kStep = 32;
constexpr std::size_t kLargest = 4096;
/// Of each size.
constexpr std::size_t kMost = 64;

struct Kept {
  Kept* next;
};
struct Row {
  Kept* first = nullptr;
  std::size_t count = 0;
};
/// Never destroyed: frames may still end when the thread's other objects are gone.
struct Rows {
  std::array<Row, kLargest / kStep + 1> of;
  bool closed = false;
};
thread_local constinit Rows rows = {};

struct Closing {
  ~Closing() {
    rows.closed = true;
    for (Row& row : rows.of)
      while (row.first != nullptr) {
        Kept* const kept = row.first;
        row.first = kept->next;
        ::operator delete(kept);
      }
  }
};

void close_with_thread() { thread_local const Closing closing; }

constexpr std::size_t row_of(std::size_t size) { return (size + kStep - 1) / kStep; }

}  // namespace

void* FrameMemory::take(std::size_t size) {
  if (!kKeeps || size > kLargest) return ::operator new(size);
  Row& row = rows.of[row_of(size)];
  if (row.first == nullptr) return ::operator new(row_of(size) * kStep);
  Kept* const kept = row.first;
  row.first = kept->next;
  --row.count;
  return kept;
}

void FrameMemory::give_back(void* frame, std::size_t size) noexcept {
  if (!kKeeps || size > kLargest) return ::operator delete(frame);
  Row& row = rows.of[row_of(size)];
  if (rows.closed || row.count >= kMost) return ::operator delete(frame);
  if (row.count == 0) close_with_thread();
  row.first = new (frame) Kept{row.first};
  ++row.count;
}

}  // namespace countersign::net
