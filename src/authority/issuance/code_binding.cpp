#include "authority/issuance/code_binding.h"

#include <algorithm>

#include "authority/issuance/enrolment_code.h"
#include "authority/registry/rows.h"
#include "store/acme.h"
#include "store/codes.h"

namespace countersign::authority {
namespace {

/// Ids of accounts are base64url: no account is called so.
constexpr std::string_view kDirect = "direct:";

base::Result<void> bind_credential(Amendment& amendment, const Order& order) {
  BASE_TRY(const auto credential, store::find_acme_credential(amendment.rows(), *order.eab_kid));
  if (!credential) return base::fail(base::Kind::corrupt, "registry.corrupt", "the credential of the order is missing");
  if (credential->cancelled_at) return credential_cancelled();
  const std::string mark = to_direct_use(order.purpose, spki_sha256_hex(order.csr.public_key()));
  if (credential->account == mark) return {};
  BASE_TRY(const bool was_free, store::use_acme_credential(amendment.rows(), credential->kid, mark));
  if (!was_free) return credential_used();
  return {};
}

}  // namespace

std::string to_direct_use(trust::Purpose purpose, const std::string& spki_sha256) {
  return std::string(kDirect) + std::string(trust::name(purpose)) + ":" + spki_sha256;
}

std::optional<DirectUse> parse_direct_use(const std::string& mark) {
  if (!mark.starts_with(kDirect)) return std::nullopt;
  const std::size_t colon = mark.rfind(':');
  return DirectUse{mark.substr(kDirect.size(), std::max(colon, kDirect.size()) - kDirect.size()),
                   mark.substr(colon + 1)};
}

tl::unexpected<base::Error> credential_used() {
  return base::fail(
      base::Kind::denied, "eab_credential.used",
      "this credential was used for another key, for another purpose or for an ACME account: ask an operator "
      "for a new one");
}

tl::unexpected<base::Error> credential_cancelled() {
  return base::fail(base::Kind::denied, "eab_credential.cancelled",
                    "this credential was cancelled: ask an operator for a new one");
}

base::Result<void> bind_code(Amendment& amendment, const Order& order) {
  if (order.eab_kid) return bind_credential(amendment, order);
  if (!order.code_sha256) return {};
  BASE_TRY(const auto code, store::find_enrolment_code(amendment.rows(), *order.code_sha256));
  if (code && code->cancelled_at) return code_cancelled();  // by another authority, since it was looked up
  const store::RedemptionRow row{*order.code_sha256, std::string(trust::name(order.purpose)),
                                 spki_sha256_hex(order.csr.public_key()), std::nullopt};
  BASE_TRY(const bool bound, store::redeem(amendment.rows(), row));
  if (!bound) return code_used();
  return {};
}

}  // namespace countersign::authority
