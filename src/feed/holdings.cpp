#include "feed/holdings.h"

#include <algorithm>

#include "base/bytes.h"

namespace countersign::feed {
namespace {

constexpr std::size_t kDigits = 16;

bool is_holding(std::string_view text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace

std::string holding_of(const x509::Certificate& ca) { return base::to_hex(ca.fingerprint()).substr(0, kDigits); }

std::string holdings_in(const trust::TrustSet& trust) {
  std::vector<std::string> held;
  for (const trust::IssuingCa& ca : trust.issuing_cas()) {
    const auto signs = [&](const x509::Certificate& root) {
      return root.subject().der == ca.certificate.issuer().der && ca.certificate.is_signed_by(root.public_key());
    };
    if (std::ranges::any_of(trust.anchors().anchors(), signs)) held.push_back(holding_of(ca.certificate));
  }
  std::ranges::sort(held);
  std::string text;
  for (const std::string& one : held)
    text += (text.empty() ? "" : ",") + one;
  return text;
}

base::Result<std::vector<std::string>> parse_holdings(std::string_view text) {
  std::vector<std::string> held;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    if (!is_holding(one) || held.size() >= kHoldingsLimit)
      return base::fail(base::Kind::invalid, "query.invalid",
                        "'holds' must be a list of at most 256 issuing CAs, each 16 hexadecimal digits");
    held.emplace_back(one);
    text.remove_prefix(std::min(one.size() + 1, text.size()));
  }
  return held;
}

}  // namespace countersign::feed
