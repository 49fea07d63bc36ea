#include "authority/issuance/code_binding.h"

#include "authority/issuance/enrolment_code.h"
#include "authority/registry/rows.h"
#include "store/codes.h"

namespace countersign::authority {

base::Result<void> bind_code(Amendment& amendment, const Order& order) {
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
