#include "authority/registry/row_id.h"

#include <array>

#include "base/bytes.h"

namespace countersign::authority {

base::Result<std::string> make_id(crypto::Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  return base::to_hex(bytes);
}

}  // namespace countersign::authority
