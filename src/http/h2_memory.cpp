#include "http/h2_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/mman.h>

namespace countersign::http {
namespace {

constexpr std::size_t kPage = 4096;
/// The tables (5.5 KiB), the buffer (16.1 KiB) and the page behind them.
constexpr std::size_t kPages = 7;
/// libnghttp2 has a table of so many bytes for streams from the beginning on.
constexpr std::size_t kStreamTable = kPage;
/// More than libnghttp2 ever asks for at once: a size that went wrong.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

}  // namespace

H2Memory::H2Memory() : table_{this, allocate, release, allocate_zeros, change_size} {
  void* const pages =
      ::mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) return;
  begin_ = next_ = static_cast<std::byte*>(pages);
  end_ = begin_ + kPages * kPage;
}

H2Memory::~H2Memory() {
  if (begin_ != nullptr) (void)::munmap(begin_, kPages * kPage);
}

void H2Memory::rest() noexcept {
  if (begin_ == nullptr) return;
  std::byte* const page = end_ - kPage;
  const bool is_empty = std::all_of(page, end_, [](std::byte byte) { return byte == std::byte{0}; });
  if (is_empty) (void)::madvise(page, kPage, MADV_DONTNEED);  // it reads as zeros again
}

/// Pages are zero at first, and nothing of them is given out twice.
void* H2Memory::take(std::size_t size) {
  if (!making_ || begin_ == nullptr) return nullptr;
  constexpr std::size_t kAlignment = alignof(std::max_align_t);
  const std::size_t taken = (size + kAlignment - 1) / kAlignment * kAlignment;
  if (taken < size || static_cast<std::size_t>(end_ - kPage - next_) < taken) return nullptr;
  return std::exchange(next_, next_ + taken);
}

void* H2Memory::allocate(std::size_t size, void* user) {
  void* const piece = static_cast<H2Memory*>(user)->take(size);
  if (piece != nullptr || size > kMostAtOnce) return piece;
  return std::malloc(size);
}

void H2Memory::release(void* piece, void* user) {
  if (!static_cast<H2Memory*>(user)->is_ours(piece)) std::free(piece);
}

void* H2Memory::allocate_zeros(std::size_t count, std::size_t size, void* user) {
  auto& memory = *static_cast<H2Memory*>(user);
  const bool is_small = size > 0 && count <= kStreamTable / size;
  const bool is_table = is_small && count * size == kStreamTable && memory.making_ && memory.begin_ != nullptr;
  if (is_table && !std::exchange(memory.has_table_, true)) return memory.end_ - kPage;
  void* const piece = is_small ? memory.take(count * size) : nullptr;
  if (piece != nullptr || (size > 0 && count > kMostAtOnce / size)) return piece;
  return std::calloc(count, size);
}

void* H2Memory::change_size(void* piece, std::size_t size, void* user) {
  const auto& memory = *static_cast<H2Memory*>(user);
  if (piece == nullptr) return allocate(size, user);
  if (size > kMostAtOnce) return nullptr;
  if (!memory.is_ours(piece)) return std::realloc(piece, size);
  void* const moved = std::malloc(size);
  const auto rest = static_cast<std::size_t>(memory.end_ - static_cast<std::byte*>(piece));
  if (moved != nullptr) std::memcpy(moved, piece, std::min(size, rest));  // more than it was, perhaps: all is ours
  return moved;
}

}  // namespace countersign::http
