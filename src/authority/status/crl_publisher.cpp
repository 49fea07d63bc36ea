#include "authority/status/crl_publisher.h"

#include <algorithm>

#include "store/crls.h"
#include "store/statuses.h"

namespace countersign::authority {
namespace {

/// Certificates without a shard are given one so many at a time.
constexpr int kShardBatch = 1000;
/// That an address is still in use need not be noted at every start.
constexpr base::Duration kNoteAgain = std::chrono::hours(24);

base::Result<std::string> decode(const std::string& base64) {
  BASE_TRY(const base::Bytes der, base::from_base64(base64));
  return std::string(base::as_text(der));
}

std::string etag_of(std::string_view content) {
  constexpr std::size_t kDigits = 32;
  return "\"" + base::to_hex(crypto::sha256(base::as_bytes(content))).substr(0, kDigits) + "\"";
}

}  // namespace

base::Result<void> CrlPublisher::open(const StatusUrls& urls) {
  BASE_TRY_VOID(remember(urls));
  BASE_TRY_VOID(give_shards());
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto published, store::list_published_crls(rows));
  for (const store::PublishedCrlRow& row : published) {
    BASE_TRY(std::string der, decode(row.der));
    std::string etag = etag_of(der);
    served_[{row.key.issuer, static_cast<std::uint32_t>(row.key.shard)}] = {
        std::make_shared<const std::string>(std::move(der)),
        std::move(etag),
        row.number,
        row.this_update,
        row.next_update,
        static_cast<std::uint64_t>(row.feed_sequence)};
  }
  note_unnamed();
  BASE_TRY(const auto interrupted, store::list_unpublished_crls(rows));
  for (const store::CrlKey& key : interrupted)
    behind_.emplace(key.issuer, static_cast<std::uint32_t>(key.shard));
  return {};
}

void CrlPublisher::note_revocation(const CrlName& name, std::uint64_t sequence) {
  const auto last = served_.find(name);
  if (last == served_.end() || last->second.feed_sequence < sequence) behind_.insert(name);
}

/// A CRL that does not say where it is to be had today is none for certificates that name that place.
void CrlPublisher::note_unnamed() {
  if (bases_.empty()) return;
  for (const auto& [name, crl] : served_) {
    const bool is_named = crl.der->rfind(bases_.front() + crl_path(name.first, name.second)) != std::string::npos;
    if (!is_named && hierarchy_.find_issuing_ca(name.first) != nullptr) behind_.insert(name);
  }
}

void CrlPublisher::note_everything() {
  for (const auto& [name, crl] : served_)
    if (hierarchy_.find_issuing_ca(name.first) != nullptr) behind_.insert(name);
}

std::optional<std::uint64_t> CrlPublisher::oldest_sequence() const {
  std::optional<std::uint64_t> oldest;
  for (const auto& [name, crl] : served_)
    if (hierarchy_.find_issuing_ca(name.first) != nullptr && (!oldest || crl.feed_sequence < *oldest))
      oldest = crl.feed_sequence;
  return oldest;
}

/// Certificates that name an address of before are still there: a verifier must find it in the CRL (RFC 5280 section
/// 6.3.3 (b) (2) (i)).
base::Result<void> CrlPublisher::remember(const StatusUrls& urls) {
  const base::Instant now = ledger_.now();
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto known, store::list_status_urls(amendment.rows()));
  const bool changed = known.empty() || known.front().url != urls.base();
  const bool noted = !changed && now - known.front().last_used < kNoteAgain;
  if (!urls.empty()) BASE_TRY_VOID(store::note_status_url(amendment.rows(), {urls.base(), now}));
  BASE_TRY(known, store::list_status_urls(amendment.rows()));
  bases_.clear();
  for (const store::StatusUrlRow& row : known)
    if (row.last_used >= now - kStatusUrlMemory && bases_.size() < kStatusUrlLimit) bases_.push_back(row.url);
  if (urls.empty() || noted) return {};
  BASE_TRY_VOID(amendment.audit({the_authority(), changed ? "status_url.changed" : "status_url.used", urls.base()}));
  return amendment.commit();
}

base::Result<void> CrlPublisher::give_shards() {
  for (;;) {
    BASE_TRY(auto amendment, ledger_.amend());
    BASE_TRY(const auto found, store::list_unsharded(amendment.rows(), kShardBatch));
    if (found.empty()) return {};
    for (const store::UnshardedRow& row : found) {
      const IssuingCa* ca = hierarchy_.find_issuing_ca(row.issuer);
      BASE_TRY(const x509::Serial serial, x509::Serial::parse(row.serial));
      const std::uint32_t shard = ca == nullptr ? 0 : crl_shard_of(serial, ca->crl_shards);
      BASE_TRY_VOID(store::set_crl_shard(amendment.rows(), row.serial, shard));
    }
    BASE_TRY_VOID(amendment.audit({the_authority(), "crl.shards_given", "crls", {{"certificates", found.size()}}}));
    BASE_TRY_VOID(amendment.commit());
  }
}

/// Also when the clock was put back behind the last one: nobody knows how far ahead it was.
bool CrlPublisher::is_due(const CrlName& name, base::Instant now) const {
  const auto last = served_.find(name);
  return last == served_.end() || behind_.contains(name) || now >= last->second.this_update + kCrlRenewal;
}

std::vector<CrlPlace> CrlPublisher::find_due(base::Instant now) const {
  std::vector<CrlPlace> urgent;
  std::vector<CrlPlace> due;
  for (const IssuingCa& ca : hierarchy_.issuing_cas()) {
    if (now > ca.certificate.not_after()) continue;
    for (std::uint32_t shard = 0; shard < ca.crl_shards; ++shard)
      if (is_due({ca.name, shard}, now)) (behind_.contains({ca.name, shard}) ? urgent : due).push_back({&ca, shard});
  }
  urgent.insert(urgent.end(), due.begin(), due.end());
  urgent.resize(std::min(urgent.size(), kCrlBatch));
  return urgent;
}

base::Result<std::size_t> CrlPublisher::publish_due() {
  const std::vector<CrlPlace> due = find_due(ledger_.now());
  if (due.empty()) {
    behind_.clear();  // of CAs that have ended
    return std::size_t{0};
  }
  BASE_TRY(std::vector<RecordedCrl> recorded, record_crls(ledger_, due, bases_));
  BASE_TRY_VOID(observer_.reached(Step::after_crl_record));
  std::vector<base::Bytes> signatures;
  for (RecordedCrl& one : recorded) {
    BASE_TRY(base::Bytes signature, signer_.sign_crl(std::move(one.permit)));
    signatures.push_back(std::move(signature));
  }
  BASE_TRY_VOID(observer_.reached(Step::after_crl_sign));
  BASE_TRY_VOID(publish(recorded, signatures));
  BASE_TRY_VOID(observer_.reached(Step::after_crl_publish));
  return recorded.size();
}

base::Result<void> CrlPublisher::publish(const std::vector<RecordedCrl>& recorded,
                                         const std::vector<base::Bytes>& signatures) {
  BASE_TRY(auto amendment, ledger_.amend());
  std::vector<std::pair<CrlName, ServedCrl>> made;
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    const RecordedCrl& one = recorded[i];
    if (!one.place.ca->certificate.public_key().verify(one.tbs.der, signatures[i]))
      return base::fail(base::Kind::internal, "signer.faulty",
                        "the signer did not sign the CRL that was recorded; it is thrown away");
    const base::Bytes der = x509::assemble(one.tbs, signatures[i]);
    const store::CrlKey key{one.place.ca->name, one.place.shard};
    const auto number = static_cast<std::int64_t>(one.number);
    BASE_TRY(const bool newest, store::publish_crl(amendment.rows(), key, number, base::to_base64(der)));
    if (!newest)
      return base::fail(base::Kind::conflict, "crl.number",
                        "another CRL of '" + key.issuer + "' was recorded meanwhile; this one is thrown away");
    made.push_back({{key.issuer, one.place.shard},
                    {std::make_shared<const std::string>(base::as_text(der)), etag_of(base::as_text(der)), number,
                     one.this_update, one.next_update, static_cast<std::uint64_t>(one.feed_sequence)}});
  }
  BASE_TRY_VOID(amendment.audit({the_authority(), "crl.published", "crls", {{"crls", recorded.size()}}}));
  BASE_TRY_VOID(amendment.commit());
  for (auto& [name, served] : made) {
    behind_.erase(name);
    served_[name] = std::move(served);
  }
  return {};
}

}  // namespace countersign::authority
