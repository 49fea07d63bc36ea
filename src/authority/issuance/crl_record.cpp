#include "authority/issuance/crl_record.h"

#include <algorithm>
#include <array>

#include "authority/registry/rows.h"
#include "authority/registry/status_urls.h"
#include "base/check.h"
#include "store/crls.h"
#include "store/feed.h"

namespace countersign::authority {
namespace {

using base::Instant;
constexpr base::Duration kSecond = std::chrono::seconds(1);

tl::unexpected<base::Error> lint_failed(const std::string& rule) {
  return base::fail(base::Kind::internal, "crl.lint", "the CRL breaks the rule '" + rule + "' and is not signed");
}

store::CrlKey key_of(const CrlPlace& place) { return {place.ca->name, place.shard}; }

/// Whole seconds, since DER knows no others, and never back.
Instant next_this_update(Instant now, const std::optional<store::CrlRow>& last) {
  const Instant whole = Instant::from_unix_seconds(now.unix_seconds());
  return last ? std::max(whole, last->this_update + kSecond) : whole;
}

base::Result<std::vector<x509::RevokedCertificate>> read_revoked(store::Transaction& rows,
                                                                 const store::RevokedFilter& filter) {
  BASE_TRY(const auto found, store::list_revoked(rows, filter));
  std::vector<x509::RevokedCertificate> revoked;
  revoked.reserve(found.size());
  for (const store::RevokedRow& row : found) {
    auto serial = x509::Serial::parse(row.serial);
    const auto reason = x509::parse_crl_reason(row.revoked_for);
    if (!serial || !reason)
      return base::fail(base::Kind::corrupt, "registry.corrupt",
                        "the revocation of certificate " + row.serial + " does not parse; restore a backup");
    revoked.push_back({std::move(*serial), row.revoked_at, *reason});
  }
  return revoked;
}

base::Result<x509::CrlSpec> write_spec(store::Transaction& rows, const CrlPlace& place, Instant now,
                                       const std::vector<std::string>& bases) {
  BASE_TRY(const auto last, store::find_crl(rows, key_of(place)));
  const Instant this_update = next_this_update(now, last);
  const Instant renewal = this_update - kCrlRenewal;
  const Instant ends_from = last ? std::min(last->this_update, renewal) : renewal;
  BASE_TRY(auto revoked, read_revoked(rows, {key_of(place), ends_from}));
  x509::CrlSpec spec{.number = last ? static_cast<std::uint64_t>(last->number) + 1 : 1,
                     .this_update = this_update,
                     .next_update = this_update + kCrlLife,
                     .urls = {},
                     .scope = x509::CrlScope::user_certificates,
                     .revoked = std::move(revoked)};
  for (const std::string& base : bases)
    spec.urls.push_back(base + crl_path(place.ca->name, place.shard));
  return spec;
}

/// Reads the CRL as a stranger would: the bytes to be signed, behind them a signature that nobody believes.
base::Result<void> lint(const x509::TbsCrl& tbs, const x509::CrlSpec& spec, const CrlPlace& place) {
  static constexpr std::array<std::uint8_t, 8> kNoSignature = {};
  const auto crl = x509::Crl::from_der(x509::assemble(tbs, kNoSignature));
  if (!crl) return lint_failed("parses: " + crl.error().detail);
  const x509::Certificate& issuer = place.ca->certificate;
  if (crl->issuer().der != issuer.subject().der || crl->authority_key_id() != issuer.subject_key_id())
    return lint_failed("issuer");
  if (crl->number() != spec.number) return lint_failed("number");
  if (crl->this_update() != spec.this_update || crl->next_update() != spec.this_update + kCrlLife)
    return lint_failed("times");
  const auto& point = crl->distribution_point();
  if (!point || point->scope != x509::CrlScope::user_certificates || point->names.urls != spec.urls ||
      point->names.has_others)
    return lint_failed("issuing_distribution_point");
  if (crl->revoked().size() != spec.revoked.size()) return lint_failed("revoked");
  for (const x509::RevokedCertificate& one : crl->revoked())
    if (crl_shard_of(one.serial, place.ca->crl_shards) != place.shard) return lint_failed("shard");
  return {};
}

base::Result<void> check_issuer(const CrlPlace& place, Instant now) {
  if (now <= place.ca->certificate.not_after() && place.shard < place.ca->crl_shards) return {};
  return base::fail(base::Kind::unavailable, "issuer.expired",
                    "the issuing CA '" + place.ca->name + "' is not valid any more, or has no such CRL");
}

base::Result<void> store_intent(store::Transaction& rows, const RecordedCrl& crl) {
  const store::CrlRow row{key_of(crl.place), static_cast<std::int64_t>(crl.number),     crl.this_update,
                          crl.next_update,   base::to_hex(crypto::sha256(crl.tbs.der)), crl.feed_sequence};
  BASE_TRY(const bool risen, store::record_crl(rows, row));
  if (risen) return {};
  return base::fail(base::Kind::internal, "crl.number",
                    "the number of a CRL of '" + row.key.issuer + "' would not rise: nothing is signed");
}

}  // namespace

CrlPermit::Content CrlPermit::spend() && {
  BASE_CHECK(content_.has_value());
  Content content = std::move(*content_);
  content_.reset();
  return content;
}

base::Result<std::vector<RecordedCrl>> record_crls(Ledger& ledger, const std::vector<CrlPlace>& places,
                                                   const std::vector<std::string>& bases) {
  const Instant now = ledger.now();
  std::vector<RecordedCrl> recorded;
  base::json::array names;
  BASE_TRY(auto amendment, ledger.amend());
  BASE_TRY(const std::int64_t sequence, store::last_feed_sequence(amendment.rows()));
  for (const CrlPlace& place : places) {
    BASE_TRY_VOID(check_issuer(place, now));
    BASE_TRY(const x509::CrlSpec spec, write_spec(amendment.rows(), place, now, bases));
    BASE_TRY(auto tbs, x509::build_tbs(spec, place.ca->certificate));
    BASE_TRY_VOID(lint(tbs, spec, place));
    CrlPermit permit({place.ca->name, tbs});
    recorded.push_back(
        {std::move(permit), place, spec.number, spec.this_update, spec.next_update, std::move(tbs), sequence});
    BASE_TRY_VOID(store_intent(amendment.rows(), recorded.back()));
    names.emplace_back(place.ca->name + "-" + std::to_string(place.shard) + "#" + std::to_string(spec.number));
  }
  BASE_TRY_VOID(amendment.audit({the_authority(), "crl.recorded", "crls", {{"crls", std::move(names)}}}));
  BASE_TRY_VOID(amendment.commit());
  return recorded;
}

}  // namespace countersign::authority
