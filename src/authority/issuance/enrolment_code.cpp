#include "authority/issuance/enrolment_code.h"

#include <array>
#include <cstring>

#include "crypto/digest.h"

namespace countersign::authority {
namespace {

constexpr std::string_view kPrefix = "cse_";
constexpr std::size_t kRandomBytes = 32;

}  // namespace

base::Result<EnrolmentCode> EnrolmentCode::generate(crypto::Random& random) {
  std::array<std::uint8_t, kRandomBytes> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  const std::string text = std::string(kPrefix) + base::to_base64url(bytes);
  explicit_bzero(bytes.data(), bytes.size());
  return EnrolmentCode(base::Secret(std::string_view(text)));
}

base::Result<EnrolmentCode> EnrolmentCode::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return code_unknown();
  const auto bytes = base::from_base64url(text.substr(kPrefix.size()));
  if (!bytes || bytes->size() != kRandomBytes) return code_unknown();
  return EnrolmentCode(base::Secret(text));
}

std::string EnrolmentCode::sha256() const { return base::to_hex(crypto::sha256(text_.reveal())); }

tl::unexpected<base::Error> code_unknown() {
  return base::fail(base::Kind::denied, "code.unknown",
                    "this is not an enrolment code of this authority: copy it whole, or ask an operator for a new one");
}

tl::unexpected<base::Error> code_used() {
  return base::fail(base::Kind::conflict, "code.used",
                    "this enrolment code was used for this purpose with another key: use that key again, or ask an "
                    "operator for a new code");
}

tl::unexpected<base::Error> code_cancelled() {
  return base::fail(base::Kind::denied, "code.cancelled",
                    "this enrolment code was cancelled: ask an operator for a new one");
}

}  // namespace countersign::authority
