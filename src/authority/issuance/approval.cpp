#include "authority/issuance/approval.h"

#include <algorithm>
#include <array>

#include "authority/issuance/code_binding.h"
#include "authority/registry/operator_roles.h"
#include "authority/registry/people.h"
#include "authority/registry/rows.h"
#include "base/check.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::size_t kCommentLimit = 500;

std::string_view name_of(x509::KeyUsage usage) {
  switch (usage) {
    case x509::KeyUsage::digital_signature: return "digitalSignature";
    case x509::KeyUsage::non_repudiation: return "nonRepudiation";
    case x509::KeyUsage::key_encipherment: return "keyEncipherment";
    case x509::KeyUsage::key_agreement: return "keyAgreement";
    case x509::KeyUsage::cert_sign: return "keyCertSign";
    case x509::KeyUsage::crl_sign: return "cRLSign";
  }
  BASE_UNREACHABLE();
}

template <class Texts>
base::json::array to_array(const Texts& texts) {
  base::json::array array;
  for (const auto& text : texts)
    array.emplace_back(text);
  return array;
}

/// Everything the certificate will say, but for its serial and the moment. Members in a fixed order.
std::string write_content(const Checked& checked) {
  const Order& order = checked.order();
  const x509::CertificateSpec& spec = checked.spec();
  const crypto::PublicKey& key = spec.key;
  base::json::array usages;
  for (const x509::KeyUsage usage : spec.key_usage)
    usages.emplace_back(name_of(usage));
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(checked.life()).count();
  const base::json::object content{
      {"urn", order.identity.to_urn()},
      {"purpose", trust::name(order.purpose)},
      {"subject", "CN=" + spec.subject.common_name + ", OU=" + spec.subject.organisational_unit +
                      ", O=" + spec.subject.organisation},
      {"server_names", to_array(checked.server_names())},
      {"key", std::string(crypto::name(key.type())) + " " + std::to_string(key.bits())},
      {"spki_sha256", spki_sha256_hex(key)},
      {"key_usage", std::move(usages)},
      {"extended_key_usage", to_array(spec.extended_key_usage)},
      {"life_seconds", life},
      {"issuer", checked.issuer().name},
      {"issuer_sha256", base::to_hex(checked.issuer().certificate.fingerprint())},
      {"replaces", order.replaces.value_or("")},
  };
  return base::json::serialize(content);
}

std::string digest_of(const std::string& content) { return base::to_hex(crypto::sha256(base::as_bytes(content))); }

std::string state_of(const store::RequestRow& row, base::Instant now) {
  const bool open = row.state == "pending" || row.state == "approved";
  return open && now >= row.expires_at ? "expired" : row.state;
}

std::int64_t approvals_needed(const Order& order, const IssuanceRules& rules) {
  switch (order.origin) {
    case Order::Origin::platform: return 0;
    case Order::Origin::renewal: return rules.approve_renewals ? rules.approvals : 0;
    case Order::Origin::enrolment: return rules.approvals;
  }
  BASE_UNREACHABLE();
}

/// Somebody whose word is asked for.
struct Approver {
  const base::Identity& who;
  const base::Identity& about;  ///< whose certificate it is
};

/// By the rules, and by the role that the operator has today.
base::Result<bool> may_approve(store::Transaction& rows, const IssuanceRules& rules, const Approver& approver) {
  const base::Slug& own = approver.who.application;
  const bool asked = rules.approvers.empty() || std::ranges::find(rules.approvers, own) != rules.approvers.end();
  if (!asked || !is_operator(approver.who)) return false;
  BASE_TRY(const auto roles, roles_of(rows, own));
  return grants(roles, is_platform(approver.about) ? Right::administrate : Right::approve);
}

/// Did the one who decides make the credential that was asked with - or let in the person of a partner who made it, and
/// so may hold what that one has?
base::Result<bool> is_behind(store::Transaction& rows, const store::RequestRow& row, const std::string& urn) {
  if (urn == row.sponsor || urn == row.requested_by) return true;
  const auto sponsor = base::Identity::from_urn(row.sponsor.value_or(""));
  if (!sponsor || !is_person(*sponsor)) return false;
  BASE_TRY(const auto vouchers, vouchers_of(rows, *sponsor));
  return vouchers.contains(urn);
}

/// A holder of one certificate must not fill the registry with requests for ever new keys.
base::Result<void> check_waiting(store::Transaction& rows, const store::ApplicationKey& key, base::Instant now) {
  const store::RequestFilter filter{.of = {key.environment, key.organisation, key.application},
                                    .state = "pending",
                                    .now = now,
                                    .limit = kMostWaiting};
  BASE_TRY(const auto waiting, store::list_requests(rows, filter));
  if (std::ssize(waiting) < kMostWaiting) return {};
  return base::fail(Kind::denied, "request.too_many",
                    std::to_string(kMostWaiting) +
                        " requests of this application wait for approval already: wait until "
                        "operators have decided, or ask them to");
}

base::Result<void> check_comment(const std::string& comment) {
  const bool printable = std::ranges::none_of(comment, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (comment.size() <= kCommentLimit && printable) return {};
  return base::fail(Kind::invalid, "approval.comment",
                    "a comment has at most 500 bytes and no control characters or line breaks");
}

}  // namespace

const IssuanceRules& Approvals::rules_for(const store::RequestRow& row, const base::Identity& identity) const {
  const auto purpose = trust::parse_purpose(row.purpose);
  BASE_CHECK(purpose.has_value());  // written by us, under a CHECK of nothing else
  return policy_.rules_for(identity.environment, *purpose);
}

/// Those given for this very content, by somebody who may approve today and is not suspended.
base::Result<std::vector<store::ApprovalRow>> Approvals::count(store::Transaction& rows, const store::RequestRow& row) {
  BASE_TRY(const auto identity, to_identity(row.key));
  const IssuanceRules& rules = rules_for(row, identity);
  BASE_TRY(auto given, store::list_approvals(rows, row.id));
  std::vector<store::ApprovalRow> counted;
  for (store::ApprovalRow& approval : given) {
    const auto approver = base::Identity::from_urn(approval.approver);
    if (!approver) continue;
    BASE_TRY(const bool may, may_approve(rows, rules, {*approver, identity}));
    if (!may) continue;
    if (approval.content_sha256 != row.content_sha256) continue;
    BASE_TRY(const bool behind, is_behind(rows, row, approval.approver));
    if (behind) continue;
    BASE_TRY(const auto application, store::find_application(rows, to_key(*approver)));
    if (!application || application->suspended) continue;
    counted.push_back(std::move(approval));
  }
  return counted;
}

base::Result<Pending> Approvals::open(const Checked& checked, const std::string& content) {
  const Order& order = checked.order();
  std::array<std::uint8_t, 16> id{};
  BASE_TRY_VOID(random_.fill(id));
  store::RequestRow row;
  row.id = base::to_hex(id);
  row.key = to_key(order.identity);
  row.purpose = trust::name(order.purpose);
  row.spki_sha256 = spki_sha256_hex(order.csr.public_key());
  row.content = content;
  row.content_sha256 = digest_of(content);
  row.requested_by = order.asked_by.name;
  row.sponsor = order.sponsor;
  row.needed = approvals_needed(order, policy_.rules_for(order.identity.environment, order.purpose));
  row.state = "pending";
  row.created_at = ledger_.now();
  row.expires_at = row.created_at + kRequestLife;
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(check_waiting(amendment.rows(), row.key, row.created_at));
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(bind_code(amendment, order));
  BASE_TRY_VOID(amendment.audit({order.asked_by,
                                 "request.opened",
                                 order.identity.to_urn(),
                                 {{"request", row.id}, {"purpose", row.purpose}, {"content", row.content_sha256}}}));
  BASE_TRY_VOID(amendment.commit());
  return Pending{row.id, 0, row.needed, kRetryAfter};
}

/// What was approved would not be what is issued: the approvals are void, and everybody looks again.
base::Result<Pending> Approvals::reopen(store::RequestRow row, const std::string& content, std::int64_t needed) {
  row.content = content;
  row.content_sha256 = digest_of(content);
  row.needed = needed;
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const bool changed, store::renew_request(amendment.rows(), row));
  if (!changed)
    return base::fail(Kind::conflict, "request.decided", "the request was decided in this moment: ask again");
  BASE_TRY(const auto identity, to_identity(row.key));
  BASE_TRY_VOID(amendment.audit({the_authority(),
                                 "request.changed",
                                 identity.to_urn(),
                                 {{"request", row.id}, {"content", row.content_sha256}, {"needed", needed}}}));
  BASE_TRY(const auto counted, count(amendment.rows(), row));
  BASE_TRY_VOID(amendment.commit());
  return Pending{row.id, std::ssize(counted), needed, kRetryAfter};
}

base::Result<std::variant<Approved, Pending>> Approvals::decide(Checked checked) {
  const Order& order = checked.order();
  const std::int64_t needed = approvals_needed(order, policy_.rules_for(order.identity.environment, order.purpose));
  if (needed == 0) return Approved(std::move(checked), std::nullopt);

  const std::string content = write_content(checked);
  std::optional<store::RequestRow> row;
  std::int64_t given = 0;
  {
    BASE_TRY(auto rows, ledger_.read());
    BASE_TRY(row, store::find_newest_request(rows, to_key(order.identity), std::string(trust::name(order.purpose)),
                                             spki_sha256_hex(order.csr.public_key())));
    if (row) {
      BASE_TRY(const auto counted, count(rows, *row));
      given = std::ssize(counted);
    }
  }
  const std::string state = row ? state_of(*row, ledger_.now()) : "none";
  if (state == "refused" && row->requested_by == order.asked_by.name)
    return base::fail(Kind::denied, "request.refused",
                      "the request " + row->id + " was refused: " + row->refusal.value_or("no reason was given"));
  if (state != "pending" && state != "approved") {
    BASE_TRY(auto opened, open(checked, content));
    return opened;
  }
  const bool same = row->content == content && row->content_sha256 == digest_of(content);
  if (!same || row->needed != needed || (state == "approved" && given < needed)) {
    BASE_TRY(auto reopened, reopen(std::move(*row), content, needed));
    return reopened;
  }
  if (state == "pending") return Pending{row->id, given, needed, kRetryAfter};
  return Approved(std::move(checked), Approved::Request{row->id, row->content_sha256});
}

base::Result<KnownRequest> Approvals::know(store::Transaction& rows, store::RequestRow row) {
  if (row.content_sha256 != digest_of(row.content))
    return base::fail(Kind::corrupt, "registry.corrupt",
                      "the content of the request " + row.id + " is not the one that was requested");
  BASE_TRY(auto counted, count(rows, row));
  std::string state = state_of(row, ledger_.now());
  return KnownRequest{std::move(row), std::move(counted), std::move(state)};
}

base::Result<std::vector<KnownRequest>> Approvals::list(const store::RequestFilter& filter) {
  constexpr std::array<std::string_view, 5> kStates = {"", "pending", "approved", "issued", "refused"};
  if (std::ranges::find(kStates, filter.state) == kStates.end())
    return base::fail(Kind::invalid, "query.invalid", "'state' must be pending, approved, issued or refused");
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto found, store::list_requests(rows, filter));
  std::vector<KnownRequest> known;
  for (store::RequestRow& row : found) {
    BASE_TRY(auto request, know(rows, std::move(row)));
    known.push_back(std::move(request));
  }
  return known;
}

tl::unexpected<base::Error> unknown_request() {
  return base::fail(base::Kind::not_found, "request.unknown", "there is no request with this id");
}

base::Result<KnownRequest> Approvals::find(const std::string& id) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto row, store::find_request(rows, id));
  if (!row) return unknown_request();
  return know(rows, std::move(*row));
}

/// The request that `word` is about, if it can still be decided, by this operator.
base::Result<store::RequestRow> Approvals::find_open(store::Transaction& rows, const Word& word) {
  BASE_TRY_VOID(check_comment(word.comment));
  BASE_TRY(auto row, store::find_request(rows, word.request));
  if (!row) return unknown_request();
  BASE_TRY(auto known, know(rows, std::move(*row)));
  if (known.state == "expired")
    return base::fail(Kind::conflict, "request.expired",
                      "the request ended at " + base::to_rfc3339(known.row.expires_at) + ": it must be made again");
  if (known.state != "pending")
    return base::fail(Kind::conflict, "request.decided", "the request is " + known.state + " already");
  if (known.row.content_sha256 != word.content_sha256)
    return base::fail(Kind::conflict, "request.changed",
                      "the request is not the one that you looked at: look at it again, its content is now " +
                          known.row.content_sha256);
  BASE_TRY(const auto identity, to_identity(known.row.key));
  BASE_TRY(const bool behind, is_behind(rows, known.row, word.by.to_urn()));
  if (behind || word.by == identity)
    return base::fail(Kind::denied, "approval.own",
                      "you made the credential that this was requested with: somebody else must decide");
  BASE_TRY(const bool may, may_approve(rows, rules_for(known.row, identity), {word.by, identity}));
  if (!may)
    return base::fail(Kind::denied, "approval.not_approver",
                      "you are not among those who decide about this: it takes the role " +
                          roles_that_grant(is_platform(identity) ? Right::administrate : Right::approve) +
                          ", and to be named where the profile names approvers");
  return std::move(known.row);
}

base::Result<KnownRequest> Approvals::approve(const Word& word) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_open(amendment.rows(), word));
  const std::string urn = word.by.to_urn();
  BASE_TRY(const bool is_new,
           store::put(amendment.rows(), {row.id, urn, word.content_sha256, word.comment, ledger_.now()}));
  BASE_TRY(const auto counted, count(amendment.rows(), row));
  if (std::ssize(counted) >= row.needed) {
    row.state = "approved";
    row.decided_at = ledger_.now();
    BASE_TRY_VOID(store::decide_request(amendment.rows(), row));
  }
  BASE_TRY(const auto identity, to_identity(row.key));
  if (is_new)
    BASE_TRY_VOID(amendment.audit({Actor{urn},
                                   "request.approved",
                                   identity.to_urn(),
                                   {{"request", row.id},
                                    {"content", row.content_sha256},
                                    {"approvals", std::ssize(counted)},
                                    {"needed", row.needed}}}));
  BASE_TRY(auto known, know(amendment.rows(), std::move(row)));
  if (is_new) BASE_TRY_VOID(amendment.commit());
  return known;
}

base::Result<KnownRequest> Approvals::refuse(const Word& word) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_open(amendment.rows(), word));
  row.state = "refused";
  row.decided_at = ledger_.now();
  row.refusal = word.comment;
  BASE_TRY_VOID(store::decide_request(amendment.rows(), row));
  BASE_TRY(const auto identity, to_identity(row.key));
  BASE_TRY_VOID(amendment.audit({Actor{word.by.to_urn()},
                                 "request.refused",
                                 identity.to_urn(),
                                 {{"request", row.id}, {"content", row.content_sha256}, {"reason", word.comment}}}));
  BASE_TRY(auto known, know(amendment.rows(), std::move(row)));
  BASE_TRY_VOID(amendment.commit());
  return known;
}

}  // namespace countersign::authority
