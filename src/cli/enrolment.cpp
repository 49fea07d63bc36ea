#include "cli/enrolment.h"

#include <algorithm>

#include "base/files.h"
#include "cli/text.h"
#include "trust/verdict.h"

namespace countersign::cli {
namespace {

constexpr int kAccepted = 202;  // RFC 9110 section 15.3.3
constexpr base::Duration kShortestWait = std::chrono::seconds(1);

tl::unexpected<base::Error> not_believed(std::string code, std::string detail) {
  return base::fail(base::Kind::corrupt, std::move(code),
                    "the authority's answer is not believed, and nothing was saved: " + std::move(detail));
}

base::Result<Issued> parse_answer(const base::json::object& answer) {
  const base::json::value value(answer);
  BASE_TRY(base::JsonReader reader, base::JsonReader::of(value));
  BASE_TRY(const std::string leaf, reader.text("certificate"));
  BASE_TRY(const std::string chain, reader.text("chain"));
  BASE_TRY(const std::string root, reader.text("root"));
  BASE_TRY(const std::string urn, reader.text("urn"));
  BASE_TRY(x509::Certificate leaf_certificate, x509::Certificate::one_from(leaf));
  BASE_TRY(std::vector<x509::Certificate> issuing_cas, x509::Certificate::all_from_pem(chain));
  BASE_TRY(x509::Certificate root_certificate, x509::Certificate::one_from(root));
  BASE_TRY(base::Identity identity, base::Identity::from_urn(urn));
  return Issued{std::move(leaf_certificate), std::move(issuing_cas), std::move(root_certificate), std::move(identity)};
}

base::Result<Pending> parse_pending(const base::json::object& answer) {
  const base::json::value value(answer);
  BASE_TRY(base::JsonReader reader, base::JsonReader::of(value));
  BASE_TRY(const std::string request, reader.text("request"));
  BASE_TRY(const std::int64_t given, reader.integer("approvals"));
  BASE_TRY(const std::int64_t needed, reader.integer("needed"));
  return Pending{printable(request), given, needed, {}};
}

/// The certificate must name the application, and no other one, in each place where a name can stand.
base::Result<void> check_names(const Issued& issued, const Enrolment& enrolment) {
  const x509::Certificate& leaf = issued.certificate;
  const base::Identity& identity = issued.identity;
  const auto& sans = leaf.subject_alt_names();
  if (sans.uris != std::vector<std::string>{identity.to_urn()})
    return not_believed("answer.other_name",
                        "the certificate does not carry exactly the identity '" + identity.to_urn() + "'");
  const x509::Name& subject = leaf.subject();
  if (subject.common_name != identity.application.text() || subject.organisation != identity.organisation.text() ||
      subject.organisational_unit != base::name(identity.environment))
    return not_believed("answer.other_name",
                        "the certificate's subject '" + subject.text + "' is not that of '" + identity.to_urn() + "'");
  const bool has_server_names = !sans.dns.empty() || !sans.ip_addresses.empty();
  if (has_server_names && enrolment.purpose != trust::Purpose::server)
    return not_believed("answer.other_name", "the certificate carries host names, though it is not for a server");
  if (enrolment.expected && *enrolment.expected != identity)
    return not_believed("answer.other_name", "the certificate is for '" + identity.to_urn() + "', not for '" +
                                                 enrolment.expected->to_urn() + "'");
  return {};
}

base::Result<void> check_path(const Issued& issued, trust::Purpose purpose, base::Instant now) {
  BASE_TRY(const trust::TrustSet trust, trust::TrustSet::of_roots({issued.root}, {}));
  trust::PresentedChain presented{issued.certificate};
  presented.insert(presented.end(), issued.issuing_cas.begin(), issued.issuing_cas.end());
  auto verdict = trust::verify_chain(presented, {.purposes = {purpose}}, trust, now);
  if (verdict) return {};
  const trust::Explanation& explanation = trust::explanation(verdict.error().reason);
  return not_believed("answer.refused", "the certificate is refused as " + std::string(explanation.name) + ": " +
                                            verdict.error().detail + ". " +
                                            std::string(explanation.remedy(trust::party_of(purpose))));
}

}  // namespace

std::string Issued::chain_pem() const {
  std::vector<x509::Certificate> chain{certificate};
  chain.insert(chain.end(), issuing_cas.begin(), issuing_cas.end());
  return x509::to_pem(chain);
}

base::Result<Issued> check_issued(const base::json::object& answer, const Enrolment& enrolment, base::Instant now) {
  auto issued = parse_answer(answer);
  if (!issued) return not_believed("answer.malformed", issued.error().detail + " (" + issued.error().code + ")");
  if (issued->certificate.public_key().spki_sha256() != enrolment.key.spki_sha256())
    return not_believed("answer.other_key", "the certificate is for another key than the one in the request");
  BASE_TRY_VOID(check_names(*issued, enrolment));
  BASE_TRY_VOID(check_path(*issued, enrolment.purpose, now));
  return std::move(*issued);
}

base::Result<Outcome> enrol(ApiClient& api, const Enrolment& enrolment, const Context& context) {
  base::json::object body;
  body["code"] = enrolment.code;
  body["purpose"] = std::string(trust::name(enrolment.purpose));
  body["csr"] = enrolment.csr;
  BASE_TRY(const ApiAnswer answer, api.post_for_answer("/v1/enrolments", body));
  return read_outcome(answer, enrolment, context.clock.now());
}

base::Result<Outcome> read_outcome(const ApiAnswer& answer, const Enrolment& enrolment, base::Instant now) {
  BASE_TRY(const base::json::object body, to_object(answer.body));
  if (answer.status != kAccepted) {
    BASE_TRY(Issued issued, check_issued(body, enrolment, now));
    return Outcome(std::move(issued));
  }
  auto pending = parse_pending(body);
  if (!pending) return not_believed("answer.malformed", pending.error().detail + " (" + pending.error().code + ")");
  pending->retry_after = std::max<base::Duration>(answer.retry_after, kShortestWait);
  return Outcome(std::move(*pending));
}

base::Result<KeyFile> open_or_make_key(const std::filesystem::path& file, crypto::PrivateKey::Kind kind) {
  auto there = base::read_file(file);
  if (there) {
    const base::Secret text{std::string_view(*there)};
    auto key = crypto::PrivateKey::from_pem(text.reveal_text(), base::Secret());
    if (key) return KeyFile{std::move(*key), false};
    return base::unexpected(std::move(key).error().under(
        "key.unusable", "'" + file.string() +
                            "' is there and not overwritten, but holds no key that can be read without a passphrase: "
                            "move it away, name another file, or make the CSR yourself and give --csr"));
  }
  if (there.error().kind != base::Kind::not_found) return base::unexpected(std::move(there).error());
  BASE_TRY(crypto::PrivateKey key, crypto::PrivateKey::generate(kind));
  BASE_TRY(const base::Secret pem, key.to_pem());
  BASE_TRY_VOID(base::create_file(file, pem.reveal_text(), base::FileMode::owner_only));
  return KeyFile{std::move(key), true};
}

}  // namespace countersign::cli
