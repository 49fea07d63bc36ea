#include "feed/facts.h"

#include <algorithm>

namespace countersign::feed {
namespace {

using base::json::array;
using base::json::object;
using base::json::value;

constexpr std::int64_t kFormat = 1;

tl::unexpected<base::Error> malformed(std::string detail) {
  return base::fail(base::Kind::corrupt, "feed.malformed", "the trust feed cannot be read: " + std::move(detail));
}

tl::unexpected<base::Error> malformed(base::Error cause) {
  return base::unexpected(std::move(cause).under("feed.malformed", "the trust feed cannot be read"));
}

struct ToJson {
  object operator()(const RootFact& fact) const {
    object json{{"type", "root"}, {"certificate", base::to_base64(fact.certificate.der())}};
    if (fact.crosses.empty()) return json;
    array crosses;
    for (const x509::Certificate& cross : fact.crosses)
      crosses.emplace_back(base::to_base64(cross.der()));
    json["cross_certificates"] = std::move(crosses);
    return json;
  }
  object operator()(const trust::IssuingCa& ca) const {
    array purposes;
    for (const trust::Purpose purpose : ca.purposes)
      purposes.emplace_back(trust::name(purpose));
    return {{"type", "issuing_ca"},
            {"certificate", base::to_base64(ca.certificate.der())},
            {"environment", base::name(ca.environment)},
            {"purposes", std::move(purposes)}};
  }
  object operator()(const trust::CertificateFact& fact) const {
    object json{{"type", "certificate"},
                {"fingerprint", base::to_hex(fact.fingerprint)},
                {"urn", fact.identity.to_urn()},
                {"purpose", trust::name(fact.purpose)},
                {"not_after", fact.not_after.unix_seconds()}};
    if (fact.revoked_for) json["revoked_for"] = *fact.revoked_for;
    return json;
  }
  object operator()(const trust::SuspensionFact& fact) const {
    object json{{"type", "suspension"},
                {"environment", base::name(fact.environment)},
                {"organisation", fact.organisation.text()},
                {"suspended", fact.suspended}};
    if (fact.application) json["application"] = fact.application->text();
    return json;
  }
  object operator()(const trust::WithdrawnCa& fact) const {
    return {{"type", "withdrawn_ca"},
            {"certificate", base::to_base64(fact.certificate.der())},
            {"cause", trust::name(fact.cause)}};
  }
  object operator()(const SigningCertificate& fact) const {
    return {
        {"type", "signing_certificate"}, {"urn", fact.identity.to_urn()}, {"certificate", base::to_base64(fact.der)}};
  }
  object operator()(const TokenKeyFact& fact) const { return feed::to_json(fact); }
  object operator()(const TokenRevocationFact& fact) const { return feed::to_json(fact); }
  object operator()(const TokenCutFact& fact) const { return feed::to_json(fact); }
};

base::Result<x509::Certificate> read_certificate(base::JsonReader& reader) {
  BASE_TRY(const std::string text, reader.text("certificate"));
  BASE_TRY(const base::Bytes der, base::from_base64(text));
  return x509::Certificate::from_der(der);
}

base::Result<Fact> read_root(base::JsonReader& reader) {
  BASE_TRY(auto certificate, read_certificate(reader));
  RootFact fact{std::move(certificate)};
  if (!reader.has("cross_certificates")) return Fact(std::move(fact));
  BASE_TRY(const auto crosses, reader.texts("cross_certificates"));
  for (const std::string& text : crosses) {
    BASE_TRY(const base::Bytes der, base::from_base64(text));
    BASE_TRY(auto cross, x509::Certificate::from_der(der));
    fact.crosses.push_back(std::move(cross));
  }
  return Fact(std::move(fact));
}

base::Result<Fact> read_issuing_ca(base::JsonReader& reader) {
  BASE_TRY(auto certificate, read_certificate(reader));
  BASE_TRY(const std::string environment_text, reader.text("environment"));
  BASE_TRY(const base::Environment environment, base::parse_environment(environment_text));
  BASE_TRY(const auto purpose_texts, reader.texts("purposes"));
  std::set<trust::Purpose> purposes;
  for (const std::string& text : purpose_texts) {
    BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(text));
    purposes.insert(purpose);
  }
  return Fact(trust::IssuingCa{std::move(certificate), environment, std::move(purposes)});
}

base::Result<Fact> read_certificate_fact(base::JsonReader& reader) {
  BASE_TRY(const std::string hex, reader.text("fingerprint"));
  BASE_TRY(const base::Bytes bytes, base::from_hex(hex));
  crypto::Digest256 fingerprint{};
  if (bytes.size() != fingerprint.size()) return malformed("a fingerprint is not 32 bytes long");
  std::copy(bytes.begin(), bytes.end(), fingerprint.begin());
  BASE_TRY(const std::string urn, reader.text("urn"));
  BASE_TRY(auto identity, base::Identity::from_urn(urn));
  BASE_TRY(const std::string purpose_text, reader.text("purpose"));
  BASE_TRY(const trust::Purpose purpose, trust::parse_purpose(purpose_text));
  BASE_TRY(const std::int64_t not_after, reader.integer("not_after"));
  BASE_TRY(std::string revoked_for, reader.text_or("revoked_for", ""));
  trust::CertificateFact fact{
      fingerprint, std::move(identity), purpose, base::Instant::from_unix_seconds(not_after), {}};
  if (!revoked_for.empty()) fact.revoked_for = std::move(revoked_for);
  return Fact(std::move(fact));
}

base::Result<Fact> read_suspension(base::JsonReader& reader) {
  BASE_TRY(const std::string environment_text, reader.text("environment"));
  BASE_TRY(const base::Environment environment, base::parse_environment(environment_text));
  BASE_TRY(const std::string organisation_text, reader.text("organisation"));
  BASE_TRY(auto organisation, base::Slug::parse(organisation_text));
  BASE_TRY(const std::string application_text, reader.text_or("application", ""));
  if (!reader.has("suspended")) return malformed("'suspended' is missing");
  BASE_TRY(const bool suspended, reader.flag_or("suspended", true));
  trust::SuspensionFact fact{environment, std::move(organisation), {}, suspended};
  if (!application_text.empty()) {
    BASE_TRY(auto application, base::Slug::parse(application_text));
    fact.application = std::move(application);
  }
  return Fact(std::move(fact));
}

base::Result<Fact> read_withdrawn_ca(base::JsonReader& reader) {
  BASE_TRY(auto certificate, read_certificate(reader));
  BASE_TRY(const std::string cause_text, reader.text("cause"));
  BASE_TRY(const trust::WithdrawalCause cause, trust::parse_withdrawal_cause(cause_text));
  return Fact(trust::WithdrawnCa{std::move(certificate), cause});
}

base::Result<Fact> read_signing_certificate(base::JsonReader& reader) {
  BASE_TRY(const std::string urn, reader.text("urn"));
  BASE_TRY(auto identity, base::Identity::from_urn(urn));
  BASE_TRY(const std::string text, reader.text("certificate"));
  // There may be many: what they say is read when one is used.
  BASE_TRY(base::Bytes der, base::from_base64(text));
  if (der.empty() || der.size() > x509::kCertificateLimit) return malformed("a certificate is empty or too large");
  return Fact(SigningCertificate{std::move(identity), std::move(der)});
}

template <class T>
base::Result<Fact> read_as_fact(base::Result<T> read) {
  if (!read) return base::unexpected(std::move(read).error());
  return Fact(std::move(*read));
}

base::Result<Fact> read_fact(const value& json) {
  BASE_TRY(auto reader, base::JsonReader::of(json));
  BASE_TRY(const std::string type, reader.text("type"));
  base::Result<Fact> fact =
      base::fail(base::Kind::corrupt, "feed.malformed", "'" + type + "' is not a known type of fact");
  if (type == "root") fact = read_root(reader);
  if (type == "issuing_ca") fact = read_issuing_ca(reader);
  if (type == "certificate") fact = read_certificate_fact(reader);
  if (type == "suspension") fact = read_suspension(reader);
  if (type == "withdrawn_ca") fact = read_withdrawn_ca(reader);
  if (type == "signing_certificate") fact = read_signing_certificate(reader);
  if (type == "token_key") fact = read_as_fact(read_token_key(reader));
  if (type == "token_revocation") fact = read_as_fact(read_token_revocation(reader));
  if (type == "token_cut") fact = read_as_fact(read_token_cut(reader));
  if (!fact) return fact;
  BASE_TRY_VOID(reader.finish());
  return fact;
}

}  // namespace

object to_json(const Fact& fact) { return std::visit(ToJson{}, fact); }

base::Result<Fact> fact_from_json(const value& json) {
  auto fact = read_fact(json);
  if (!fact) return malformed(std::move(fact).error());
  return fact;
}

std::string to_json_text(const Snapshot& snapshot) {
  array facts;
  facts.reserve(snapshot.facts.size());
  for (const Fact& fact : snapshot.facts)
    facts.emplace_back(to_json(fact));
  const object json{
      {"format", kFormat}, {"feed", snapshot.feed}, {"sequence", snapshot.sequence}, {"facts", std::move(facts)}};
  return base::json::serialize(json);
}

base::Result<Snapshot> parse_snapshot(std::string_view text) {
  auto json = base::parse_json(text);
  if (!json) return malformed(std::move(json).error());
  auto reader = base::JsonReader::of(*json);
  if (!reader) return malformed(std::move(reader).error());
  const auto format = reader->integer("format");
  if (!format || *format != kFormat) return malformed("it is of another format than 1; use programs of one release");
  auto feed = reader->text("feed");
  const auto sequence = reader->integer("sequence");
  const auto facts = reader->array("facts");
  if (!feed || feed->empty() || !sequence || *sequence < 0 || !facts)
    return malformed("'feed', 'sequence' or 'facts' is missing");
  Snapshot snapshot{static_cast<std::uint64_t>(*sequence), {}, std::move(*feed)};
  for (const value& element : **facts) {
    auto fact = fact_from_json(element);
    if (fact) snapshot.facts.push_back(std::move(*fact));
    else snapshot.unreadable.push_back({0, base::json::serialize(element), std::move(fact).error()});
  }
  return snapshot;
}

object to_json(const Change& change) { return {{"sequence", change.sequence}, {"fact", to_json(change.fact)}}; }

base::Result<void> read_change(const value& json, std::uint64_t after, Changes& changes) {
  auto reader = base::JsonReader::of(json);
  if (!reader) return malformed(std::move(reader).error());
  const auto sequence = reader->integer("sequence");
  const value* fact_json = json.get_object().if_contains("fact");
  if (!sequence || fact_json == nullptr) return malformed("a change needs a 'sequence' and a 'fact'");
  const auto number = static_cast<std::uint64_t>(*sequence);
  if (number != after + 1)
    return malformed("change " + std::to_string(number) + " does not follow " + std::to_string(after));
  auto fact = fact_from_json(*fact_json);
  if (fact) changes.changes.push_back({number, std::move(*fact)});
  else changes.unreadable.push_back({number, base::json::serialize(json), std::move(fact).error()});
  return {};
}

std::string to_json_text(std::uint64_t sequence, const std::vector<Change>& changes) {
  array list;
  for (const Change& change : changes)
    list.emplace_back(to_json(change));
  const object json{{"sequence", sequence}, {"changes", std::move(list)}};
  return base::json::serialize(json);
}

base::Result<Changes> parse_changes(std::string_view text, std::uint64_t after) {
  auto json = base::parse_json(text);
  if (!json) return malformed(std::move(json).error());
  auto reader = base::JsonReader::of(*json);
  if (!reader) return malformed(std::move(reader).error());
  const auto list = reader->array("changes");
  if (!list) return malformed("'changes' is missing");
  Changes changes;
  for (const value& element : **list)
    BASE_TRY_VOID(read_change(element, after++, changes));
  return changes;
}

}  // namespace countersign::feed
