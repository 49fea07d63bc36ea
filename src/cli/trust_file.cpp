#include "cli/trust_file.h"

#include <algorithm>

#include "base/files.h"

namespace countersign::cli {
namespace {

bool is_issued_by(const x509::Certificate& certificate, const x509::Certificate& issuer) {
  return issuer.subject().der == certificate.issuer().der && certificate.is_signed_by(issuer.public_key());
}

}  // namespace

TrustFile sort_trust(std::vector<x509::Certificate> certificates) {
  TrustFile sorted;
  for (const x509::Certificate& certificate : certificates) {
    const bool has_issuer = std::ranges::any_of(certificates, [&](const x509::Certificate& other) {
      return !certificate.is_self_issued() && is_issued_by(certificate, other);
    });
    (has_issuer ? sorted.issuing_cas : sorted.roots).push_back(certificate);
  }
  return sorted;
}

base::Result<TrustFile> read_trust_file(const std::filesystem::path& path) {
  BASE_TRY(const std::string text, base::read_file(path));
  auto certificates = x509::Certificate::all_from_pem(text);
  if (!certificates)
    return base::unexpected(
        std::move(certificates)
            .error()
            .under("trust.unreadable", "'" + path.string() + "' is not a file of PEM certificates"));
  return sort_trust(std::move(*certificates));
}

}  // namespace countersign::cli
