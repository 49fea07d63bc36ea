#include "authority/status/status.h"

#include "authority/founding/ceremony.h"
#include "authority/registry/feed_source.h"
#include "store/feed.h"
#include "store/statuses.h"

namespace countersign::authority {
namespace {

/// Ended certificates are looked for this often.
constexpr base::Duration kForgetEvery = std::chrono::hours(1);

using Changes = std::map<std::string, std::vector<CertificateStatus>>;

tl::unexpected<base::Error> corrupt(const store::StatusRow& row) {
  return base::fail(base::Kind::corrupt, "registry.corrupt",
                    "the status of certificate " + row.serial + " does not parse; restore a backup");
}

base::Result<CertificateStatus> to_status(const store::StatusRow& row) {
  const auto serial = x509::Serial::parse(row.serial);
  const auto octets = serial ? to_octets(serial->magnitude()) : std::nullopt;
  if (!octets) return corrupt(row);
  CertificateStatus status{.serial = *octets, .not_after = row.not_after};
  if (!row.revoked_at) return status;
  const auto reason = x509::parse_crl_reason(row.revoked_for);
  if (!reason) return corrupt(row);
  status.revoked = true;
  status.revoked_at = *row.revoked_at;
  status.reason = *reason;
  return status;
}

std::string etag_of(std::string_view content) {
  return "\"" + base::to_hex(crypto::sha256(base::as_bytes(content))).substr(0, 32) + "\"";
}

}  // namespace

Status::Status(const Parts& parts)
    : parts_(parts),
      crls_(parts.ledger, parts.hierarchy, parts.signer, parts.observer),
      responders_({parts.ledger, parts.hierarchy, parts.directory, parts.issuance, parts.signer}) {}

base::Result<void> Status::open(const StatusUrls& urls) {
  BASE_TRY_VOID(crls_.open(urls));
  BASE_TRY_VOID(read_everything());
  BASE_TRY_VOID(find_behind());
  collect_files();
  publish();
  return {};
}

base::Result<void> Status::read_everything() {
  const base::Instant now = parts_.ledger.now();
  BASE_TRY(auto rows, parts_.ledger.read());
  BASE_TRY(const std::int64_t sequence, store::last_feed_sequence(rows));
  Changes found;
  base::Result<void> sound;
  BASE_TRY_VOID(store::visit_statuses(rows, now - kEndedMemory, [&](const store::StatusRow& row) {
    const auto status = to_status(row);
    if (status) found[row.issuer].push_back(*status);
    else if (sound) sound = base::unexpected(status.error());
  }));
  BASE_TRY_VOID(std::move(sound));
  books_.clear();
  for (auto& [issuer, statuses] : found)
    books_[issuer] = StatusBook().with(std::move(statuses));
  sequence_ = static_cast<std::uint64_t>(sequence);
  as_of_ = now;
  forgot_at_ = now;
  return {};
}

base::Result<void> Status::find_behind() {
  auto after = crls_.oldest_sequence();
  while (after) {
    auto changes = read_changes(parts_.ledger, *after);
    if (!changes && changes.error().code == "feed.gone") {
      crls_.note_everything();
      return {};
    }
    if (!changes) return base::unexpected(std::move(changes).error());
    if (changes->changes.empty()) return {};
    BASE_TRY_VOID(take_in(changes->changes));
    after = changes->changes.back().sequence;
  }
  return {};
}

base::Result<void> Status::take_in(const std::vector<feed::Change>& changes) {
  Changes found;
  {
    BASE_TRY(auto rows, parts_.ledger.read());
    for (const feed::Change& change : changes) {
      roots_told_ = roots_told_ || std::holds_alternative<feed::RootFact>(change.fact);
      if (const auto* gone = std::get_if<trust::WithdrawnCa>(&change.fact)) note_withdrawn(*gone);
      if (const auto* told = std::get_if<trust::IssuingCa>(&change.fact)) note_told(*told);
      const auto* fact = std::get_if<trust::CertificateFact>(&change.fact);
      if (fact == nullptr) continue;
      BASE_TRY(const auto row, store::find_status(rows, base::to_hex(fact->fingerprint)));
      if (!row) continue;
      BASE_TRY(const CertificateStatus status, to_status(*row));
      found[row->issuer].push_back(status);
      const CrlName crl{row->issuer, static_cast<std::uint32_t>(row->crl_shard.value_or(0))};
      if (status.revoked) crls_.note_revocation(crl, change.sequence);
    }
  }
  for (auto& [issuer, statuses] : found)
    books_[issuer] = books_[issuer].with(std::move(statuses));
  return {};
}

void Status::note_told(const trust::IssuingCa& told) {
  issuers_changed_ = true;
  for (const IssuingCa& ca : parts_.hierarchy.issuing_cas())
    if (ca.certificate == told.certificate) crls_.note_new(ca);
}

/// All that it issued may have been revoked at once, without a word about each.
void Status::note_withdrawn(const trust::WithdrawnCa& gone) {
  issuers_changed_ = true;
  if (gone.cause != trust::WithdrawalCause::compromised) return;
  read_anew_ = true;
  for (const IssuingCa& ca : parts_.hierarchy.issuing_cas())
    if (ca.certificate == gone.certificate) crls_.note_everything_of(ca.name);
}

base::Result<void> Status::forget_ended() {
  const base::Instant now = parts_.ledger.now();
  if (now < forgot_at_ + kForgetEvery && now >= forgot_at_) return {};
  if (now < forgot_at_ - kEndedMemory) {  // by a clock that was far ahead: some of it has not ended
    const std::uint64_t taken_in = sequence_;
    BASE_TRY_VOID(read_everything());
    sequence_ = taken_in;  // what came meanwhile is still to be noted for its CRL
    return {};
  }
  forgot_at_ = now;
  for (auto& [issuer, book] : books_)
    book = book.without_ended(now - kEndedMemory);
  return {};
}

base::Result<void> Status::follow() {
  const base::Instant now = parts_.ledger.now();
  for (;;) {
    auto changes = read_changes(parts_.ledger, sequence_);
    if (!changes && changes.error().code == "feed.gone") {
      BASE_TRY_VOID(read_everything());
      crls_.note_everything();
      break;
    }
    if (!changes) return base::unexpected(std::move(changes).error());
    if (changes->changes.empty()) break;
    BASE_TRY_VOID(take_in(changes->changes));
    sequence_ = changes->changes.back().sequence;
  }
  if (read_anew_) BASE_TRY_VOID(read_everything());
  read_anew_ = false;
  if (std::exchange(roots_told_, false)) {
    BASE_TRY_VOID(crls_.read_roots());
    issuers_changed_ = true;
  }
  if (std::exchange(issuers_changed_, false)) {
    collect_files();
    responders_due_ = true;
  }
  as_of_ = now;
  BASE_TRY_VOID(forget_ended());
  publish();
  return {};
}

base::Result<std::size_t> Status::publish_crls() {
  BASE_TRY(const std::size_t made, crls_.publish_due());
  if (made == 0) return made;
  collect_files();
  publish();
  return made;
}

base::Result<void> Status::provide_responders() {
  responders_due_ = false;
  auto provided = responders_.provide();
  publish();
  return provided;
}

void Status::collect_files() {
  auto files = std::make_shared<std::map<std::string, ServedFile, std::less<>>>();
  for (const auto& [name, crl] : crls_.served())
    (*files)[crl_path(name.first, name.second)] = {crl.der, "application/pkix-crl", crl.etag, crl.this_update,
                                                   crl.next_update};
  const auto add = [&](const std::string& name, const x509::Certificate& certificate) {
    auto der = std::make_shared<const std::string>(base::as_text(certificate.der()));
    std::string etag = etag_of(*der);
    (*files)[ca_path(name)] = {std::move(der), "application/pkix-cert", std::move(etag), certificate.not_before(),
                               certificate.not_after()};
  };
  for (const RootCa& root : parts_.hierarchy.roots())
    add(root.key_name(), root.certificate);
  for (const IssuingCa& ca : parts_.hierarchy.issuing_cas())
    if (ca.state != CaState::prepared) add(ca.name, ca.certificate);
  files_ = std::move(files);
}

void Status::publish() {
  auto snapshot = std::make_shared<StatusSnapshot>();
  snapshot->as_of = as_of_;
  snapshot->files = files_;
  for (const IssuingCa& ca : parts_.hierarchy.issuing_cas()) {
    if (!Hierarchy::speaks(ca, as_of_)) continue;
    const auto names = names_.try_emplace(ca.name, x509::OcspNames::of(ca.certificate)).first;
    snapshot->cas.push_back(
        std::make_shared<const CaStatus>(CaStatus{ca.name, names->second, books_[ca.name], responders_.find(ca.name)}));
  }
  published_.publish(std::move(snapshot));
}

}  // namespace countersign::authority
