#include "feed/signing_certificates.h"

#include <algorithm>

namespace countersign::feed {
namespace {

std::string key_of(const base::Identity& identity) {
  return std::string(base::name(identity.environment)) + ":" + identity.organisation.text();
}

}  // namespace

/// Told again, it stays where it is. Of an application the oldest makes room.
void SigningCertificates::put(ByOrganisation& all, const SigningCertificate& certificate) {
  auto kept = std::make_shared<const Kept>(Kept{certificate, crypto::sha256(certificate.der)});
  std::vector<Pointer>& list = all[key_of(certificate.identity)];
  const auto same = [&](const Pointer& one) { return one->fingerprint == kept->fingerprint; };
  if (std::ranges::any_of(list, same)) return;
  const auto is_theirs = [&](const Pointer& one) { return one->told.identity == certificate.identity; };
  if (static_cast<std::size_t>(std::ranges::count_if(list, is_theirs)) >= kMost)
    list.erase(std::ranges::find_if(list, is_theirs));
  list.push_back(std::move(kept));
}

void SigningCertificates::add(const SigningCertificate& certificate) {
  const std::lock_guard lock(mutex_);
  put(by_organisation_, certificate);
}

void SigningCertificates::replace(const std::vector<SigningCertificate>& all) {
  ByOrganisation fresh;
  for (const SigningCertificate& certificate : all)
    put(fresh, certificate);
  const std::lock_guard lock(mutex_);
  by_organisation_.swap(fresh);
}

std::vector<SigningCertificates::Pointer> SigningCertificates::of_organisation(const base::Identity& identity) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_organisation_.find(key_of(identity));
  if (found == by_organisation_.end()) return {};
  return {found->second.rbegin(), found->second.rend()};
}

std::vector<SigningCertificates::Pointer> SigningCertificates::of_application(const base::Identity& identity) const {
  std::vector<Pointer> all = of_organisation(identity);
  std::erase_if(all, [&](const Pointer& one) { return one->told.identity != identity; });
  return all;
}

std::size_t SigningCertificates::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t size = 0;
  for (const auto& [organisation, list] : by_organisation_)
    size += list.size();
  return size;
}

}  // namespace countersign::feed
