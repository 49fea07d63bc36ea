// How a CA comes about: its key, its request, its certificate. What becomes of it then is in rotation_steps.cpp.
#include "authority/rotation/rotation.h"

#include <algorithm>

#include "authority/founding/ceremony.h"
#include "authority/registry/rows.h"
#include "authority/rotation/rows.h"
#include "base/check.h"
#include "ceremony/ca_profile.h"

namespace countersign::authority {
namespace {

using base::Kind;
using store::ProspectiveCaRow;

base::Result<IssuingCaPlan> find_plan(const std::string& line) {
  std::string names;
  for (IssuingCaPlan& plan : issuing_ca_plans()) {
    if (plan.name == line) return std::move(plan);
    names += (names.empty() ? "" : ", ") + std::string(plan.name);
  }
  return base::fail(Kind::not_found, "ca.line", "'" + line.substr(0, 40) + "' is no line of issuing CAs: use " + names);
}

bool is_under_way(const ProspectiveCaRow& row) { return row.state == "making" || row.state == "waiting"; }

base::Result<ProspectiveCaRow> find_waiting(store::Transaction& rows, const std::string& name) {
  BASE_TRY(const auto prospects, store::list_prospective_cas(rows));
  const auto found = std::ranges::find(prospects, name, &ProspectiveCaRow::name);
  if (found == prospects.end()) return unknown_ca(name);
  if (found->state == "waiting" || found->state == "certified") return *found;
  return wrong_state(name, found->state, "its key is not made yet, or it was given up: prepare one");
}

std::string kind_name(crypto::PrivateKey::Kind kind) {
  using KeyKind = crypto::PrivateKey::Kind;
  switch (kind) {
    case KeyKind::p256: return "p256";
    case KeyKind::p384: return "p384";
    case KeyKind::ed25519: return "ed25519";
    case KeyKind::rsa2048: return "rsa2048";
    case KeyKind::rsa3072: return "rsa3072";
    case KeyKind::rsa4096: return "rsa4096";
  }
  BASE_UNREACHABLE();
}

/// One CA of a line is on its way at a time: two would be issued from by whoever is quicker.
base::Result<void> refuse_second(const std::vector<store::IssuingCaRow>& cas, const std::string& line) {
  for (const store::IssuingCaRow& row : cas)
    if (row.line == line && (row.state == "prepared" || row.state == "distributed"))
      return base::fail(Kind::conflict, "ca.pending",
                        "'" + row.name + "' is " + row.state +
                            " already: activate it, or cancel or retire it, before another one is prepared");
  return {};
}

/// Of the roots of the line that are believed, the one that is named as its issuer; the newest where none is.
const RootCa& root_over(const Hierarchy& hierarchy, Root line, const x509::Certificate& certificate) {
  for (const RootCa& root : hierarchy.roots())
    if (root.line == line && root.is_trusted && root.certificate.subject().der == certificate.issuer().der) return root;
  return hierarchy.newest_root(line);
}

/// The first generation's key may be here while its successor's is at the ceremonies.
tl::unexpected<base::Error> mismatch(const RootCa& root) {
  const std::string which = "the key of the " + std::string(name(root.line)) + " root that is here is not that of '" +
                            root.certificate.subject().text + "'";
  if (root.generation > 1)
    return base::fail(Kind::conflict, "root.offline",
                      which + ": have the request signed at a ceremony, and import the certificate");
  return base::fail(Kind::corrupt, "keys.mismatch", which);
}

/// Another authority may have retired the root since this one looked.
base::Result<void> check_root_again(store::Transaction& rows, const std::string& root) {
  BASE_TRY(const auto roots, store::list_roots(rows));
  const auto found = std::ranges::find(roots, root, &store::RootRow::name);
  if (found != roots.end() && found->state == store::kTrustedRoot) return {};
  return base::fail(Kind::conflict, "root.retired", "the root '" + root + "' is believed no more");
}

}  // namespace

base::Result<void> Rotation::commit(Amendment& amendment) {
  BASE_TRY_VOID(amendment.commit());
  parts_.ledger.note_issuers_changed();
  return {};
}

/// The intent, before there is a key: a name that is never used again, whatever happens next.
base::Result<ProspectiveCaRow> Rotation::claim(const Actor& actor, const std::string& line, const std::string& kind) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const auto cas, store::list_issuing_cas(amendment.rows()));
  BASE_TRY_VOID(refuse_second(cas, line));
  BASE_TRY(const auto prospects, store::list_prospective_cas(amendment.rows()));
  std::int64_t newest = 0;
  for (const store::IssuingCaRow& row : cas)
    if (row.line == line) newest = std::max(newest, row.generation);
  for (const ProspectiveCaRow& row : prospects) {
    if (row.line == line && is_under_way(row)) return row;
    if (row.line == line) newest = std::max(newest, row.generation);
  }
  const std::int64_t generation = newest + 1;
  ProspectiveCaRow row{line + (generation == 1 ? "" : "-" + std::to_string(generation)),
                       line,
                       generation,
                       "making",
                       kind,
                       "",
                       "",
                       "",
                       actor.name,
                       parts_.ledger.now()};
  BASE_TRY(const bool taken, parts_.keys.is_taken(row.name));
  if (taken)
    return base::fail(Kind::conflict, "keys.exist",
                      "there is a key '" + row.name +
                          "' where the keys of this authority are, and the registry knows nothing of it: restore the "
                          "registry that it belongs to, or remove the key if nothing needs it");
  BASE_TRY_VOID(store::put(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor, "issuing_ca.preparing", row.name, {{"line", line}, {"key", kind}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<std::string> Rotation::prepare(const Actor& actor, const std::string& line, const std::string& kind) {
  BASE_TRY(const IssuingCaPlan plan, find_plan(line));
  const std::string wanted = kind.empty() ? kind_name(parts_.keys.usual_kind()) : kind;
  BASE_TRY_VOID(crypto::PrivateKey::parse_kind(wanted));
  BASE_TRY(ProspectiveCaRow row, claim(actor, line, wanted));
  if (row.state == "waiting") return row.name;
  BASE_TRY_VOID(reached(Step::after_ca_claim));
  BASE_TRY(const crypto::PrivateKey::Kind made_as, crypto::PrivateKey::parse_kind(row.key_kind));
  BASE_TRY(const CaKeys::Key key, parts_.keys.find_or_make(row.name, made_as));
  BASE_TRY_VOID(reached(Step::after_ca_key));
  const std::string& provider = parts_.hierarchy.root(plan.root).subject().organisation;
  const x509::SubjectName subject{ca_common_name({provider, plan.title}, row.generation), provider, {}};
  BASE_TRY(row.csr, x509::Csr::make_pem(key.public_key, key.sign, subject));
  row.spki_sha256 = spki_sha256_hex(key.public_key);
  row.state = "waiting";
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY_VOID(store::put(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor, "issuing_ca.key_made", row.name, {{"spki_sha256", row.spki_sha256}}}));
  BASE_TRY_VOID(commit(amendment));
  BASE_TRY_VOID(reached(Step::after_ca_change));
  return row.name;
}

/// Law 1, by the root's key: what is signed was linted, and is on disk by its digest before.
base::Result<void> Rotation::certify(const Actor& actor, const std::string& name) {
  std::optional<ProspectiveCaRow> row;
  {
    BASE_TRY(auto rows, parts_.ledger.read());
    BASE_TRY(row, find_waiting(rows, name));
  }
  if (row->state == "certified") return {};
  BASE_TRY(const IssuingCaPlan plan, find_plan(row->line));
  BASE_TRY(const auto key, parts_.keys.find_root(plan.root));
  if (!key)
    return base::fail(Kind::conflict, "root.offline",
                      "the key of the " + std::string(authority::name(plan.root)) +
                          " root is not here: have the request signed at a ceremony, and import the certificate");
  const RootCa& over = parts_.hierarchy.newest_root(plan.root);
  const x509::Certificate& root = over.certificate;
  if (key->public_key.spki_sha256() != root.public_key().spki_sha256()) return mismatch(over);
  BASE_TRY(const x509::Csr csr, x509::Csr::parse(row->csr));
  const base::Instant now = parts_.ledger.now();
  ceremony::CaOrder order{.rank = ceremony::CaRank::issuing,
                          .subject = {ca_common_name({root.subject().organisation, plan.title}, row->generation),
                                      root.subject().organisation,
                                      {}},
                          .key = csr.public_key(),
                          .not_before = std::max(now - kCaBackdating, root.not_before()),
                          .not_after = std::min(now + kIssuingCaLife, root.not_after())};
  if (!parts_.status_urls.empty()) {
    order.crl.urls = {parts_.status_urls.crl(over.key_name(), 0)};
    order.access.ca_issuers = {parts_.status_urls.ca(over.key_name())};
  }
  BASE_TRY(const ceremony::CaDraft draft, ceremony::draft(order, &root, now, parts_.random));
  {
    row->tbs_sha256 = base::to_hex(crypto::sha256(draft.tbs().der));
    BASE_TRY(auto amendment, parts_.ledger.amend());
    BASE_TRY(const auto now_row, find_waiting(amendment.rows(), name));
    if (now_row.state == "certified") return {};
    BASE_TRY_VOID(store::put(amendment.rows(), *row));
    BASE_TRY_VOID(amendment.audit({actor,
                                   "issuing_ca.recorded",
                                   name,
                                   {{"serial", draft.shown().serial().hex()}, {"tbs_sha256", row->tbs_sha256}}}));
    BASE_TRY_VOID(amendment.commit());
  }
  BASE_TRY_VOID(reached(Step::after_ca_record));
  BASE_TRY(const base::Bytes signature, key->sign(draft.tbs().der));
  BASE_TRY_VOID(reached(Step::after_ca_sign));
  BASE_TRY(const x509::Certificate certificate, draft.assemble(signature));
  return store_certificate(actor, std::move(*row), {certificate, over.name});
}

base::Result<void> Rotation::import(const Actor& actor, const std::string& name, const x509::Certificate& certificate) {
  std::optional<ProspectiveCaRow> row;
  {
    BASE_TRY(auto rows, parts_.ledger.read());
    BASE_TRY(row, find_waiting(rows, name));
  }
  BASE_TRY(const IssuingCaPlan plan, find_plan(row->line));
  const RootCa& over = root_over(parts_.hierarchy, plan.root, certificate);
  const x509::Certificate& root = over.certificate;
  BASE_TRY(const x509::Csr csr, x509::Csr::parse(row->csr));
  const crypto::PublicKey key = csr.public_key();
  BASE_TRY_VOID(ceremony::check_ca(certificate, {ceremony::CaRank::issuing, key, &root, parts_.ledger.now()}));
  if (!certificate.is_signed_by(root.public_key()))
    return base::fail(Kind::invalid, "ca.signature",
                      "the certificate is not signed by the " + std::string(authority::name(plan.root)) + " root");
  return store_certificate(actor, std::move(*row), {certificate, over.name});
}

base::Result<void> Rotation::store_certificate(const Actor& actor, ProspectiveCaRow prospect, const Certified& made) {
  const x509::Certificate& certificate = made.certificate;
  BASE_TRY(const IssuingCaPlan plan, find_plan(prospect.line));
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const auto of_now, find_waiting(amendment.rows(), prospect.name));
  BASE_TRY(const auto cas, store::list_issuing_cas(amendment.rows()));
  const std::string der = to_der_base64(certificate);
  BASE_TRY_VOID(check_root_again(amendment.rows(), made.root));
  for (const store::IssuingCaRow& row : cas) {
    if (row.name == prospect.name && row.der == der) return {};  // it was stored before
    BASE_TRY(const auto known, to_certificate(row.der));
    if (row.name == prospect.name) return wrong_state(prospect.name, row.state, "it has another certificate already");
    if (known.subject().der == certificate.subject().der || known.serial() == certificate.serial())
      return base::fail(Kind::conflict, "ca.name_taken",
                        "'" + row.name + "' has the same name or serial number: each CA needs one of its own");
  }
  const base::Instant now = parts_.ledger.now();
  store::IssuingCaRow row{prospect.name, made.root, std::string(base::name(plan.environment)), {}, der, now};
  for (const trust::Purpose purpose : plan.purposes)
    row.purposes.emplace_back(trust::name(purpose));
  row.line = prospect.line;
  row.generation = prospect.generation;
  row.state = authority::name(CaState::prepared);
  row.state_since = now;
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  prospect.state = "certified";
  BASE_TRY_VOID(store::put(amendment.rows(), prospect));
  BASE_TRY_VOID(amendment.audit({actor,
                                 "issuing_ca.certified",
                                 row.name,
                                 {{"serial", certificate.serial().hex()},
                                  {"fingerprint", base::to_hex(certificate.fingerprint())},
                                  {"subject", certificate.subject().text}}}));
  BASE_TRY_VOID(commit(amendment));
  return reached(Step::after_ca_change);
}

base::Result<void> Rotation::cancel(const Actor& actor, const std::string& name) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const auto state, store::find_issuing_ca_state(amendment.rows(), name));
  if (state) {
    BASE_TRY(const CaState now, parse_ca_state(*state));
    if (now == CaState::retired) return {};
    if (now != CaState::prepared)
      return wrong_state(name, *state, "others know of it already: retire it, or withdraw it if its key is lost");
    BASE_TRY_VOID(store::set_issuing_ca_state(amendment.rows(), name, "retired", parts_.ledger.now()));
  } else {
    BASE_TRY(const auto prospects, store::list_prospective_cas(amendment.rows()));
    const auto found = std::ranges::find(prospects, name, &ProspectiveCaRow::name);
    if (found == prospects.end()) return unknown_ca(name);
    if (found->state == "cancelled") return {};
    ProspectiveCaRow row = *found;
    row.state = "cancelled";
    BASE_TRY_VOID(store::put(amendment.rows(), row));
  }
  BASE_TRY_VOID(amendment.audit({actor, "issuing_ca.cancelled", name}));
  BASE_TRY_VOID(commit(amendment));
  return reached(Step::after_ca_change);
}

}  // namespace countersign::authority
