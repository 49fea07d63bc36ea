#include "feed/renewal.h"

#include "base/json.h"
#include "x509/csr.h"

namespace countersign::feed {
namespace {

/// The chain in the authority's answer, if it is what we asked for.
base::Result<std::string> chain_in(const std::string& answer, const crypto::PrivateKey& key,
                                   const x509::Certificate& current) {
  BASE_TRY(const auto json, base::parse_json(answer));
  BASE_TRY(auto reader, base::JsonReader::of(json));
  if (reader.has("request"))
    return base::fail(base::Kind::unavailable, "renewal.pending",
                      "the renewal waits for approval as request " + reader.text_or("request", "").value_or("") +
                          " (`countersign admin requests`); it is asked for again, with the same key");
  BASE_TRY(const std::string leaf_pem, reader.text("certificate"));
  BASE_TRY(const std::string issuers_pem, reader.text("chain"));
  BASE_TRY(const auto leaf, x509::Certificate::one_from(leaf_pem));
  const bool ours = leaf.public_key().spki_sha256() == key.public_key().spki_sha256();
  if (!ours || leaf.subject_alt_names().uris != current.subject_alt_names().uris)
    return base::fail(base::Kind::corrupt, "renewal.unexpected",
                      "the authority answered with a certificate that is not the one asked for");
  return leaf_pem + issuers_pem;
}

}  // namespace

base::Instant due_at(const x509::Certificate& certificate) {
  return certificate.not_before() + (certificate.not_after() - certificate.not_before()) * 2 / 3;
}

bool is_due(const x509::Certificate& certificate, base::Instant now) {
  const bool not_yet_valid = now < certificate.not_before();  // issued under a clock that was wrong
  return not_yet_valid || now >= due_at(certificate);
}

net::Task<base::Result<void>> renew(AuthorityLink& link, const CredentialFiles& files, trust::Purpose purpose,
                                    x509::Certificate current, net::Deadline deadline) {
  BASE_CO_TRY(const auto key, open_or_make_next_key(files, current));
  const x509::SubjectName hint{current.subject().common_name, current.subject().organisation, {}};
  BASE_CO_TRY(const std::string csr, x509::Csr::make_pem(key, hint));
  const base::json::object question{{"purpose", trust::name(purpose)}, {"csr", csr}};
  auto answer = co_await link.post("/v1/renewals", base::json::serialize(question), deadline);
  if (!answer && answer.error().code.starts_with("key.")) drop_next_key(files);
  if (!answer) co_return base::unexpected(std::move(answer).error());
  BASE_CO_TRY(const std::string chain, chain_in(*answer, key, current));
  BASE_CO_TRY(const base::Secret key_pem, key.to_pem());
  co_return replace(files, key_pem, chain);
}

}  // namespace countersign::feed
