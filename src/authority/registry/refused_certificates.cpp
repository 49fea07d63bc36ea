#include "authority/registry/refused_certificates.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace countersign::authority {
namespace {

using FoundByFingerprint = std::map<std::string, store::RefusedRow>;

base::Result<FoundByFingerprint> find_owners(store::Transaction& rows, const std::vector<feed::RefusalCount>& counts) {
  std::set<std::string> asked;
  for (const feed::RefusalCount& one : counts)
    asked.insert(one.fingerprint);
  BASE_TRY(auto certificates, store::find_refused(rows, {asked.begin(), asked.end()}));
  FoundByFingerprint found;
  for (store::RefusedRow& row : certificates) {
    std::string fingerprint = row.fingerprint;
    found.emplace(std::move(fingerprint), std::move(row));
  }
  return found;
}

void add_up(store::RefusalRow& row, const feed::RefusalCount& more) {
  row.times += more.count;
  row.first_seen_at = std::min(row.first_seen_at, more.first);
  row.last_seen_at = std::max(row.last_seen_at, more.last);
}

}  // namespace

base::Result<std::size_t> note_refusals(Ledger& ledger, const std::string& gateway,
                                        const std::vector<feed::RefusalCount>& counts) {
  const base::Instant now = ledger.now();
  BASE_TRY(auto rows, ledger.note());
  BASE_TRY(const FoundByFingerprint found, find_owners(rows, counts));
  // A statement with many rows takes none twice: a report that names a certificate and reason again is added up here.
  std::map<std::pair<std::string, trust::Reason>, store::RefusalRow> noted;
  std::map<std::tuple<std::string, std::string, std::string>, store::ApplicationKey> touched;
  std::size_t known = 0;
  for (feed::RefusalCount one : counts) {
    const auto certificate = found.find(one.fingerprint);
    if (certificate == found.end()) continue;
    ++known;
    one.first = std::min(one.first, now);
    one.last = std::min(one.last, now);
    const store::ApplicationKey& key = certificate->second.key;
    const auto [at, is_new] = noted.try_emplace({one.fingerprint, one.reason});
    if (!is_new) add_up(at->second, one);
    else
      at->second = {.key = key,
                    .fingerprint = one.fingerprint,
                    .reason = std::string(trust::name(one.reason)),
                    .serial = certificate->second.serial,
                    .times = one.count,
                    .first_seen_at = one.first,
                    .last_seen_at = one.last,
                    .gateway = gateway};
    touched.try_emplace({key.environment, key.organisation, key.application}, key);
  }
  if (noted.empty()) return known;
  std::vector<store::RefusalRow> added;
  for (auto& entry : noted)
    added.push_back(std::move(entry.second));
  std::vector<store::ApplicationKey> keys;
  for (auto& entry : touched)
    keys.push_back(std::move(entry.second));
  BASE_TRY_VOID(store::add_refusals(rows, added));
  BASE_TRY_VOID(store::keep_newest_refusals(rows, keys, kRefusalsOfApplication));
  BASE_TRY_VOID(rows.commit());
  return known;
}

base::Result<bool> forget_old_refusals(Ledger& ledger) {
  BASE_TRY(auto rows, ledger.note());
  BASE_TRY(const std::int64_t forgotten, store::forget_refusals(rows, ledger.now() - kRefusalMemory, kForgottenAtOnce));
  BASE_TRY_VOID(rows.commit());
  return forgotten == kForgottenAtOnce;
}

}  // namespace countersign::authority
