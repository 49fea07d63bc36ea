#include "authority/registry/audit_verification.h"

namespace countersign::authority {

base::Result<AuditVerification> verify_audit(Ledger& ledger) {
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(const auto last, store::find_last_audit(rows));
  AuditVerification found{last ? last->sequence : 0, ""};
  const auto checked = verify_audit(rows, ledger.seal());
  if (!checked && checked.error().code != "audit.broken") return base::unexpected(checked.error());
  found.problem = checked ? ledger.seal().problem() : checked.error().detail;
  return found;
}

base::Result<void> check_audit(Ledger& ledger, const base::Log& log) {
  BASE_TRY_VOID(ledger.seal().read());
  const bool is_news = ledger.seal().problem().empty();
  BASE_TRY(const AuditVerification found, verify_audit(ledger));
  if (found.problem.empty()) return {};
  log.error("audit.broken",
            {{"detail", found.problem}, {"remedy", "look into it, then POST /v1/audit/acknowledge as an operator"}});
  if (!is_news) return {};
  BASE_TRY_VOID(ledger.seal().note_problem(found.problem));
  BASE_TRY(auto amendment, ledger.amend());
  const auto recorded = amendment.audit({the_authority(), "audit.found_broken", "audit", {{"detail", found.problem}}});
  if (recorded) return amendment.commit();
  if (recorded.error().code == "audit.broken") return {};  // it takes no records until somebody has looked
  return base::unexpected(recorded.error());
}

base::Result<void> adopt_audit(Ledger& ledger, const std::string& place) {
  AuditHead end;
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY_VOID(verify_audit(rows, ledger.seal()));
    BASE_TRY(const auto last, store::find_last_audit(rows));
    if (last) end = {last->sequence, last->hash};
  }
  BASE_TRY_VOID(ledger.seal().acknowledge(end));
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY_VOID(amendment.audit({the_authority(), "authority.joined", place}));
  return amendment.commit();
}

base::Result<AuditVerification> acknowledge_audit(Ledger& ledger, const Actor& actor) {
  BASE_TRY(AuditVerification found, verify_audit(ledger));
  if (found.problem.empty())
    return base::fail(base::Kind::conflict, "audit.intact", "the audit log is intact: there is nothing to acknowledge");
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY_VOID(amendment.audit_anew(
      {actor, "audit.acknowledged", "audit", {{"problem", found.problem}, {"records", found.records}}}));
  BASE_TRY_VOID(amendment.commit());
  return found;
}

}  // namespace countersign::authority
