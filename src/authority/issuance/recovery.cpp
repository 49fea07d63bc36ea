#include "authority/issuance/recovery.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "store/issuances.h"

namespace countersign::authority {

namespace {

base::Result<void> abandon(Amendment& amendment, const store::IssuanceRow& row, base::Instant now) {
  BASE_TRY_VOID(store::finish_issuance(amendment.rows(), row.serial, "abandoned", now));
  BASE_TRY(const auto identity, to_identity(row.key));
  return amendment.audit(
      {the_authority(), "issuance.abandoned", identity.to_urn(), {{"serial", row.serial}, {"purpose", row.purpose}}});
}

}  // namespace

base::Result<std::size_t> abandon_open_intents(Ledger& ledger, const std::set<std::string>& living) {
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(auto open, store::list_open_issuances(amendment.rows()));
  std::erase_if(open, [&](const store::IssuanceRow& row) { return row.instance && living.contains(*row.instance); });
  if (open.empty()) return std::size_t{0};
  for (const store::IssuanceRow& row : open)
    BASE_TRY_VOID(abandon(amendment, row, ledger.now()));
  BASE_TRY_VOID(amendment.commit());
  return open.size();
}

base::Result<void> abandon_intent(Ledger& ledger, const Linted& linted) {
  const Checked& checked = linted.checked();
  store::IssuanceRow row;
  row.serial = checked.spec().serial.hex();
  row.key = to_key(checked.order().identity);
  row.purpose = trust::name(checked.order().purpose);
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY_VOID(abandon(amendment, row, ledger.now()));
  return amendment.commit();
}

}  // namespace countersign::authority
