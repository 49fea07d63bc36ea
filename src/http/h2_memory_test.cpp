// H2Memory: what is given back was empty, what is not empty stays, and libnghttp2 cannot tell the difference.
#include "http/h2_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace countersign::http {
namespace {

constexpr std::size_t kTable = 4096;

std::span<std::uint8_t> bytes(void* piece, std::size_t size) { return {static_cast<std::uint8_t*>(piece), size}; }
bool is_zero(std::span<const std::uint8_t> piece) {
  return std::ranges::all_of(piece, [](std::uint8_t byte) { return byte == 0; });
}

class H2MemoryTest : public ::testing::Test {
 protected:
  void* get(std::size_t size) { return table_.malloc(size, table_.mem_user_data); }
  void* get_zeros(std::size_t count, std::size_t size) { return table_.calloc(count, size, table_.mem_user_data); }
  void* resize(void* piece, std::size_t size) { return table_.realloc(piece, size, table_.mem_user_data); }
  void release(void* piece) { table_.free(piece, table_.mem_user_data); }

  H2Memory memory_;
  const nghttp2_mem table_ = *memory_.table();  // libnghttp2 copies it, too
};

TEST_F(H2MemoryTest, RestKeepsWhatIsNotEmpty) {
  const auto streams = bytes(get_zeros(256, 16), kTable);
  const auto other = bytes(get(16 * 1024 + 10), 16 * 1024 + 10);
  std::ranges::fill(other, std::uint8_t{7});
  EXPECT_TRUE(is_zero(streams));
  streams[4000] = 1;
  memory_.rest();
  EXPECT_EQ(streams[4000], 1);
  streams[4000] = 0;
  memory_.rest();
  EXPECT_TRUE(is_zero(streams));
  streams[17] = 9;
  EXPECT_EQ(streams[17], 9);
  EXPECT_TRUE(std::ranges::all_of(other, [](std::uint8_t byte) { return byte == 7; })) << "nothing else was touched";
}

TEST_F(H2MemoryTest, PiecesDoNotOverlapAndAreZeroWhereThatIsAsked) {
  struct Piece {
    std::span<std::uint8_t> bytes;
    std::uint8_t mark;
  };
  std::vector<Piece> pieces;
  std::uint8_t mark = 1;
  for (const std::size_t size : {2918U, 1024U, 1U, 1024U, 4096U, 4096U, 16'394U, 100U, 40'000U}) {
    const auto piece = bytes(get_zeros(1, size), size);
    ASSERT_NE(piece.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece.data()) % alignof(std::max_align_t), 0U) << size;
    EXPECT_TRUE(is_zero(piece)) << size;
    std::ranges::fill(piece, mark);
    pieces.push_back({piece, mark++});
  }
  for (const Piece& piece : pieces) {
    EXPECT_TRUE(std::ranges::all_of(piece.bytes, [&](std::uint8_t byte) { return byte == piece.mark; }));
    release(piece.bytes.data());
  }
}

TEST_F(H2MemoryTest, APieceGrowsWhereverItLies) {
  void* const before = get(8);
  std::memcpy(before, "12345678", 8);
  void* const after = resize(before, 50'000);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(std::memcmp(after, "12345678", 8), 0);
  void* const again = resize(after, 100'000);
  EXPECT_EQ(std::memcmp(again, "12345678", 8), 0);
  release(again);
  release(resize(nullptr, 10));
  release(nullptr);
}

/// A session lives for long: what it asks for once it is made is malloc's, which takes it back.
TEST_F(H2MemoryTest, OnceTheSessionIsMadeItsPagesAreNotUsedUp) {
  const auto first = reinterpret_cast<std::uintptr_t>(get(16));
  memory_.note_made();
  for (int i = 0; i < 10'000; ++i)
    release(get(100));
  void* const later = get_zeros(256, 16);
  const auto at = reinterpret_cast<std::uintptr_t>(later);
  EXPECT_TRUE(at < first || at - first > 7 * 4096U);
  release(later);
}

TEST_F(H2MemoryTest, SizesThatOverflowAreRefused) {
  EXPECT_EQ(get_zeros(SIZE_MAX / 2, 4), nullptr);
  EXPECT_EQ(get(SIZE_MAX - 4), nullptr);
}

}  // namespace
}  // namespace countersign::http
