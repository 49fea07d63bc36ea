#include "authority/issuance/issuance.h"

#include <array>

#include "authority/issuance/publish.h"
#include "base/check.h"

namespace countersign::authority {

base::Result<Outcome> Issuance::issue(const Order& order) {
  BASE_TRY(Checked checked, checker_.check(order));
  BASE_TRY_VOID(observer_.reached(Step::after_check));

  BASE_TRY(auto decision, approvals_.decide(std::move(checked)));
  if (auto* pending = std::get_if<Pending>(&decision)) return std::move(*pending);
  BASE_TRY(auto issued, issue(std::get<Approved>(std::move(decision))));
  return issued;
}

base::Result<Issued> Issuance::issue_own(Order order) {
  order.origin = Order::Origin::platform;
  BASE_TRY(auto outcome, issue(order));
  BASE_CHECK(std::holds_alternative<Issued>(outcome));
  return std::get<Issued>(std::move(outcome));
}

/// `failure`, once what it left is ended, if that can be written now.
tl::unexpected<base::Error> Issuance::end_left(const Linted& linted, base::Error failure) {
  left_.add(linted);
  (void)left_.end(ledger_);
  return base::unexpected(std::move(failure));
}

base::Result<Issued> Issuance::issue(Approved approved) {
  BASE_TRY_VOID(left_.end(ledger_));
  BASE_TRY(const Linted linted, lint(std::move(approved), ledger_.now()));
  BASE_TRY_VOID(observer_.reached(Step::after_lint));

  auto permit = record(ledger_, linted);
  if (!permit && permit.error().code == "store.unknown_outcome") return end_left(linted, std::move(permit).error());
  if (!permit) return base::unexpected(std::move(permit).error());
  BASE_TRY_VOID(observer_.reached(Step::after_record));

  auto certificate = signer_.sign(std::move(*permit));
  if (!certificate) return end_left(linted, std::move(certificate).error());
  BASE_TRY_VOID(observer_.reached(Step::after_sign));

  auto published = publish(ledger_, linted, *certificate);
  if (!published) return end_left(linted, std::move(published).error());
  BASE_TRY_VOID(observer_.reached(Step::after_publish));

  const Checked& checked = linted.checked();
  return Issued{std::move(*certificate), checked.order().identity, &checked.issuer()};
}

std::string_view name(Step step) {
  switch (step) {
    case Step::after_check: return "after_check";
    case Step::after_lint: return "after_lint";
    case Step::after_record: return "after_record";
    case Step::after_sign: return "after_sign";
    case Step::after_publish: return "after_publish";
    case Step::after_crl_record: return "after_crl_record";
    case Step::after_crl_sign: return "after_crl_sign";
    case Step::after_crl_publish: return "after_crl_publish";
    case Step::after_ca_claim: return "after_ca_claim";
    case Step::after_ca_key: return "after_ca_key";
    case Step::after_ca_record: return "after_ca_record";
    case Step::after_ca_sign: return "after_ca_sign";
    case Step::after_ca_change: return "after_ca_change";
  }
  BASE_UNREACHABLE();
}

base::Result<Step> parse_step(std::string_view text) {
  constexpr std::array kSteps = {
      Step::after_check,      Step::after_lint,     Step::after_record,      Step::after_sign,     Step::after_publish,
      Step::after_crl_record, Step::after_crl_sign, Step::after_crl_publish, Step::after_ca_claim, Step::after_ca_key,
      Step::after_ca_record,  Step::after_ca_sign,  Step::after_ca_change};
  for (const Step step : kSteps)
    if (text == name(step)) return step;
  return base::fail(
      base::Kind::invalid, "step.unknown",
      "'" + std::string(text.substr(0, 40)) +
          "' is not a step: use after_check, after_lint, after_record, after_sign, after_publish, " +
          "after_crl_record, after_crl_sign, after_crl_publish, after_ca_claim, after_ca_key, after_ca_record, "
          "after_ca_sign or after_ca_change");
}

}  // namespace countersign::authority
