// Arbitrary bytes as a server's first answer to `countersign check`. What is read of them does not change when more
// comes, and its words can be printed.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "check/hello.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  const base::BytesView bytes{data, size};
  const auto whole = check::read_answer(bytes);
  if (!whole) return 0;
  for (const char character : whole->words)
    BASE_CHECK(character >= ' ' && character <= '~');
  if (whole->kind == check::HelloAnswer::Kind::plaintext) return 0;
  for (std::size_t less = 0; less < size; ++less) {
    const auto part = check::read_answer(bytes.first(less));
    BASE_CHECK(!part || (part->kind == whole->kind && part->cipher == whole->cipher && part->alert == whole->alert));
  }
  return 0;
}
