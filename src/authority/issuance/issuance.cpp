#include "authority/issuance/issuance.h"

#include <array>

#include "authority/issuance/publish.h"
#include "authority/registry/rows.h"
#include "base/check.h"

namespace countersign::authority {

/// One order on its way: once it has failed, the steps pass it over.
struct Issuance::Running {
  std::optional<Linted> linted = {};
  std::optional<SigningPermit> permit = {};
  std::optional<x509::Certificate> certificate = {};
  std::optional<base::Result<Outcome>> end = {};

  void fail(base::Error error) { end.emplace(base::unexpected(std::move(error))); }
};

std::vector<std::string> claims_of(const Order& order) {
  std::vector<std::string> claims{"key " + spki_sha256_hex(order.csr.public_key())};
  if (order.code_sha256) claims.push_back("code " + *order.code_sha256 + " " + std::string(trust::name(order.purpose)));
  if (order.eab_kid) claims.push_back("credential " + *order.eab_kid);
  if (order.replaces) claims.push_back("replaces " + *order.replaces);
  return claims;
}

base::Result<Outcome> Issuance::issue(const Order& order) { return std::move(issue(std::vector{&order}).front()); }

base::Result<Issued> Issuance::issue_own(Order order) {
  order.origin = Order::Origin::platform;
  BASE_TRY(auto outcome, issue(order));
  BASE_CHECK(std::holds_alternative<Issued>(outcome));
  return std::get<Issued>(std::move(outcome));
}

std::vector<base::Result<Outcome>> Issuance::issue(const std::vector<const Order*>& orders) {
  std::vector<Running> all(orders.size());
  for (std::size_t i = 0; i < orders.size(); ++i) {
    auto prepared = prepare(*orders[i]);
    if (!prepared) all[i].fail(std::move(prepared).error());
    else if (auto* pending = std::get_if<Pending>(&*prepared)) all[i].end.emplace(std::move(*pending));
    else all[i].linted.emplace(std::get<Linted>(std::move(*prepared)));
  }
  record(all);
  sign(all);
  publish(all);
  (void)left_.end(ledger_);  // what cannot be written now is done before the next is recorded
  std::vector<base::Result<Outcome>> outcomes;
  for (Running& one : all)
    outcomes.push_back(std::move(*one.end));
  return outcomes;
}

base::Result<std::variant<Linted, Pending>> Issuance::prepare(const Order& order) {
  BASE_TRY(Checked checked, checker_.check(order));
  BASE_TRY_VOID(observer_.reached(Step::after_check));

  BASE_TRY(auto decision, approvals_.decide(std::move(checked)));
  if (auto* pending = std::get_if<Pending>(&decision)) return std::move(*pending);
  BASE_TRY_VOID(left_.end(ledger_));
  BASE_TRY(Linted linted, lint(std::get<Approved>(std::move(decision)), ledger_.now()));
  BASE_TRY_VOID(observer_.reached(Step::after_lint));
  return linted;
}

void Issuance::record(std::vector<Running>& all) {
  std::vector<const Linted*> group;
  std::vector<Running*> places;
  for (Running& one : all)
    if (!one.end) group.push_back(&*one.linted), places.push_back(&one);
  auto permits = authority::record(ledger_, group);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!permits[i]) {
      if (permits[i].error().code == "store.unknown_outcome") left_.add(*places[i]->linted);
      places[i]->fail(std::move(permits[i]).error());
    } else if (auto reached = observer_.reached(Step::after_record); !reached)
      places[i]->fail(std::move(reached).error());
    else places[i]->permit.emplace(std::move(*permits[i]));
  }
}

void Issuance::sign(std::vector<Running>& all) {
  for (Running& one : all) {
    if (one.end) continue;
    auto certificate = signer_.sign(std::move(*one.permit));
    if (!certificate) {
      left_.add(*one.linted);
      one.fail(std::move(certificate).error());
    } else if (auto reached = observer_.reached(Step::after_sign); !reached) {
      one.fail(std::move(reached).error());
    } else {
      one.certificate.emplace(std::move(*certificate));
    }
  }
}

void Issuance::publish(std::vector<Running>& all) {
  std::vector<Signed> group;
  std::vector<Running*> places;
  for (Running& one : all)
    if (!one.end) group.push_back({&*one.linted, &*one.certificate}), places.push_back(&one);
  auto published = authority::publish(ledger_, group);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Running& one = *places[i];
    const Checked& checked = one.linted->checked();
    if (!published[i]) {
      left_.add(*one.linted);
      one.fail(std::move(published[i]).error());
    } else if (auto reached = observer_.reached(Step::after_publish); !reached) one.fail(std::move(reached).error());
    else one.end.emplace(Issued{std::move(*one.certificate), checked.order().identity, &checked.issuer()});
  }
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
