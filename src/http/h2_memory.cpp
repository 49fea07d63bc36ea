#include "http/h2_memory.h"

#include <cstdint>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

namespace countersign::http {
namespace {

/// From here on it is worth a system call, once a connection.
constexpr std::size_t kLarge = 16 * 1024;

/// The whole pages of a piece that nobody has written to: what lay there before is given back to the system, and
/// comes again, empty, when it is needed.
void give_back_pages(void* piece, std::size_t size) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(piece) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(piece) + size) / page * page;
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void* allocate(std::size_t size, void*) {
  void* const piece = std::malloc(size);
  if (piece != nullptr && size >= kLarge) give_back_pages(piece, size);
  return piece;
}

void release(void* piece, void*) { std::free(piece); }
void* allocate_zeros(std::size_t count, std::size_t size, void*) { return std::calloc(count, size); }

void* change_size(void* piece, std::size_t size, void* user) {
  return piece == nullptr ? allocate(size, user) : std::realloc(piece, size);
}

}  // namespace

nghttp2_mem* h2_memory() {
  static nghttp2_mem memory = {nullptr, allocate, release, allocate_zeros, change_size};  // libnghttp2 copies it
  return &memory;
}

}  // namespace countersign::http
