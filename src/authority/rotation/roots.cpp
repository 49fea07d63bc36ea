#include "authority/rotation/roots.h"

#include <algorithm>

#include "authority/registry/rows.h"
#include "ceremony/ca_profile.h"
#include "store/issuers.h"
#include "trust/vouched_roots.h"

namespace countersign::authority {
namespace {

using base::Kind;
using x509::Certificate;

constexpr std::size_t kReasonLimit = 500;

base::Result<void> check_cross(const Hierarchy& hierarchy, const NewRootOrder& order, const Certificate& cross,
                               base::Instant now) {
  const crypto::PublicKey key = order.certificate.public_key();
  for (const RootCa& root : hierarchy.roots()) {
    const bool by_it =
        root.line == order.line && root.is_trusted && trust::vouches_for(cross, order.certificate, root.certificate);
    if (by_it) return ceremony::check_ca(cross, {ceremony::CaRank::root, key, &root.certificate, now});
  }
  return base::fail(Kind::invalid, "root.cross",
                    "the cross certificate issued by '" + cross.issuer().text +
                        "' is not of the new root, or by no root that is believed for " +
                        std::string(name(order.line)) + " here");
}

/// The root that vouches by `cross`, which was checked.
const RootCa* issuer_of(const Hierarchy& hierarchy, const Certificate& cross) {
  for (const RootCa& root : hierarchy.roots())
    if (cross.issuer().der == root.certificate.subject().der && cross.is_signed_by(root.certificate.public_key()))
      return &root;
  return nullptr;
}

}  // namespace

base::Result<void> Roots::check(const NewRootOrder& order) const {
  const Certificate& root = order.certificate;
  const crypto::PublicKey key = root.public_key();
  const base::Instant now = ledger_.now();
  BASE_TRY_VOID(ceremony::check_ca(root, {ceremony::CaRank::root, key, nullptr, now}));
  if (!root.is_signed_by(key))
    return base::fail(Kind::invalid, "ca.signature", "the root does not sign for itself: give its own certificate");
  if (hierarchy_.has_key(key))
    return base::fail(Kind::conflict, "key.in_use", "another CA of ours has this key: a new root needs a new one");
  for (const Certificate& cross : order.crosses)
    BASE_TRY_VOID(check_cross(hierarchy_, order, cross, now));
  if (!order.crosses.empty() || (!order.reason.empty() && order.reason.size() <= kReasonLimit)) return {};
  return base::fail(
      Kind::invalid, "root.no_cross",
      "give a cross certificate of the new root by one that is believed, so that data planes and partners "
      "believe it; or say in 'reason', in 1 to 500 bytes, why there is none");
}

base::Result<std::string> Roots::import(const Actor& actor, const NewRootOrder& order) {
  const Certificate& certificate = order.certificate;
  const std::string der = to_der_base64(certificate);
  for (const RootCa& known : hierarchy_.roots())
    if (known.certificate == certificate && known.line == order.line && known.is_trusted) return known.name;
  BASE_TRY_VOID(check(order));
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const auto rows, store::list_roots(amendment.rows()));
  std::int64_t newest = 0;
  for (const store::RootRow& row : rows) {
    BASE_TRY(const auto known, to_certificate(row.der));
    if (known.subject().der == certificate.subject().der)
      return base::fail(Kind::conflict, "ca.name_taken",
                        "the root '" + row.name + "' has the same subject: each CA needs one of its own");
    if (row.line == name(order.line)) newest = std::max(newest, row.generation);
  }
  const base::Instant now = ledger_.now();
  const std::string root_name = std::string(name(order.line)) + "-" + std::to_string(newest + 1);
  BASE_TRY_VOID(
      store::insert(amendment.rows(), store::RootRow{root_name, der, now, std::string(name(order.line)), newest + 1}));
  for (const Certificate& cross : order.crosses) {
    const RootCa* issuer = issuer_of(hierarchy_, cross);
    if (issuer == nullptr) continue;  // check() has seen one
    BASE_TRY_VOID(
        store::put(amendment.rows(), store::CrossCertificateRow{root_name, issuer->name, to_der_base64(cross), now}));
  }
  base::json::object detail{{"line", name(order.line)},
                            {"serial", certificate.serial().hex()},
                            {"fingerprint", base::to_hex(certificate.fingerprint())},
                            {"subject", certificate.subject().text},
                            {"cross_certificates", order.crosses.size()}};
  if (!order.reason.empty()) detail["reason"] = order.reason;
  BASE_TRY_VOID(amendment.audit({actor, "root.imported", root_name, std::move(detail)}));
  amendment.publish(feed::RootFact{certificate, order.crosses});
  BASE_TRY_VOID(amendment.commit());
  ledger_.note_issuers_changed();
  return root_name;
}

base::Result<void> Roots::retire(const Actor& actor, const std::string& root_name) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const auto rows, store::list_roots(amendment.rows()));
  const auto found = std::ranges::find(rows, root_name, &store::RootRow::name);
  if (found == rows.end())
    return base::fail(Kind::not_found, "root.unknown", "there is no root '" + root_name.substr(0, 80) + "'");
  if (found->state == store::kRetiredRoot) return {};
  const auto is_successor = [&](const store::RootRow& row) {
    return row.line == found->line && row.name != root_name && row.state != store::kRetiredRoot;
  };
  if (std::ranges::none_of(rows, is_successor))
    return base::fail(Kind::conflict, "root.last",
                      "'" + root_name + "' is the only root of its line: import its successor first");
  std::string living;
  BASE_TRY(const auto cas, store::list_issuing_cas(amendment.rows()));
  for (const store::IssuingCaRow& row : cas) {
    BASE_TRY(const CaState state, parse_ca_state(row.state));
    if (row.root == root_name && !is_over(state)) living += (living.empty() ? "" : ", ") + row.name;
  }
  if (!living.empty())
    return base::fail(Kind::conflict, "root.in_use",
                      "these issuing CAs are under '" + root_name + "' and not over: " + living +
                          ". Activate successors under another root, and retire them first");
  BASE_TRY_VOID(store::retire_root(amendment.rows(), root_name));
  BASE_TRY_VOID(amendment.audit({actor, "root.retired", root_name, {{"line", found->line}}}));
  BASE_TRY(auto certificate, to_certificate(found->der));
  amendment.publish(trust::WithdrawnCa{std::move(certificate), trust::WithdrawalCause::retired});
  BASE_TRY_VOID(amendment.commit());
  ledger_.note_issuers_changed();
  return {};
}

}  // namespace countersign::authority
