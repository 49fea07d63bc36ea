#include "authority/issuance/record.h"

#include "authority/issuance/code_binding.h"
#include "authority/issuance/together.h"
#include "authority/registry/rows.h"
#include "base/check.h"
#include "store/issuances.h"

namespace countersign::authority {
namespace {

std::string names_of(const Checked& checked) {
  base::json::array server_names;
  for (const std::string& name : checked.server_names())
    server_names.emplace_back(name);
  const x509::SubjectName& subject = checked.spec().subject;
  return base::json::serialize(base::json::object{{"cn", subject.common_name},
                                                  {"o", subject.organisation},
                                                  {"ou", subject.organisational_unit},
                                                  {"urn", checked.order().identity.to_urn()},
                                                  {"server_names", std::move(server_names)}});
}

store::IssuanceRow to_row(const Linted& linted, const Ledger& ledger) {
  const Checked& checked = linted.checked();
  const Order& order = checked.order();
  store::IssuanceRow row;
  row.serial = checked.spec().serial.hex();
  row.key = to_key(order.identity);
  row.purpose = trust::name(order.purpose);
  row.names = names_of(checked);
  row.spki_sha256 = spki_sha256_hex(order.csr.public_key());
  row.tbs_sha256 = base::to_hex(crypto::sha256(linted.tbs().der));
  row.issuer = checked.issuer().name;
  row.requested_by = order.asked_by.name;
  row.state = "recorded";
  row.recorded_at = ledger.now();
  row.instance = ledger.instance();
  return row;
}

/// From now on only this issuance can spend the approval.
base::Result<void> claim_approval(Amendment& amendment, const Approved& approved, const store::IssuanceRow& row) {
  if (!approved.request()) return {};
  const store::RequestClaim request{approved.request()->id, approved.request()->content_sha256, row.serial};
  BASE_TRY(const bool claimed, store::claim_request(amendment.rows(), request));
  if (claimed) return {};
  return base::fail(base::Kind::conflict, "request.changed",
                    "the request " + request.id + " was decided or changed in this moment: ask again");
}

}  // namespace

SigningPermit::Content SigningPermit::spend() && {
  BASE_CHECK(content_.has_value());
  Content content = std::move(*content_);
  content_.reset();
  return content;
}

/// One amendment with the intents of some.
class Recording {
 public:
  explicit Recording(Ledger& ledger) : ledger_(ledger) {}

  base::Result<std::vector<SigningPermit>> record(std::span<const Linted* const> group) {
    std::vector<store::IssuanceRow> rows;
    for (const Linted* linted : group)
      rows.push_back(to_row(*linted, ledger_));
    BASE_TRY(auto amendment, ledger_.amend());
    if (ledger_.is_shared())
      for (const Linted* linted : group)
        BASE_TRY_VOID(check_again(amendment.rows(), linted->checked()));
    auto inserted = store::insert(amendment.rows(), rows);
    if (!inserted && inserted.error().code == "store.conflict")
      return base::unexpected(std::move(inserted).error().under(
          "issuance.serial_taken", "the serial was used before: the source of randomness repeats itself"));
    BASE_TRY_VOID(std::move(inserted));
    for (std::size_t i = 0; i < group.size(); ++i)
      BASE_TRY_VOID(bind(amendment, *group[i], rows[i]));
    BASE_TRY_VOID(amendment.commit());
    std::vector<SigningPermit> permits;
    for (std::size_t i = 0; i < group.size(); ++i)
      permits.push_back(SigningPermit({rows[i].issuer, group[i]->tbs(), group[i]->shown()}));
    return permits;
  }

 private:
  static base::Result<void> bind(Amendment& amendment, const Linted& linted, const store::IssuanceRow& row) {
    const Order& order = linted.checked().order();
    BASE_TRY_VOID(bind_code(amendment, order));
    BASE_TRY_VOID(claim_approval(amendment, linted.approved(), row));
    return amendment.audit({order.asked_by,
                            "issuance.recorded",
                            order.identity.to_urn(),
                            {{"serial", row.serial}, {"purpose", row.purpose}, {"spki_sha256", row.spki_sha256}}});
  }
  Ledger& ledger_;
};

std::vector<base::Result<SigningPermit>> record(Ledger& ledger, const std::vector<const Linted*>& group) {
  return do_together<SigningPermit>(
      group, [&](std::span<const Linted* const> some) { return Recording(ledger).record(some); });
}

}  // namespace countersign::authority
