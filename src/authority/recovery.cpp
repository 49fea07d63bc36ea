#include "authority/recovery.h"

#include <algorithm>

#include "authority/rows.h"
#include "store/issuances.h"

namespace countersign::authority {

base::Result<std::size_t> abandon_open_intents(Ledger& ledger, const std::set<std::string>& living) {
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(auto open, store::list_open_issuances(amendment.rows()));
  std::erase_if(open, [&](const store::IssuanceRow& row) { return row.instance && living.contains(*row.instance); });
  if (open.empty()) return std::size_t{0};
  for (const store::IssuanceRow& row : open) {
    BASE_TRY_VOID(store::finish_issuance(amendment.rows(), row.serial, "abandoned", ledger.now()));
    BASE_TRY(const auto identity, to_identity(row.key));
    const AuditEntry entry{
        the_authority(), "issuance.abandoned", identity.to_urn(), {{"serial", row.serial}, {"purpose", row.purpose}}};
    BASE_TRY_VOID(amendment.audit(entry));
  }
  BASE_TRY_VOID(amendment.commit());
  return open.size();
}

}  // namespace countersign::authority
