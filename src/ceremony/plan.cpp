#include "ceremony/plan.h"

#include <algorithm>
#include <set>

#include "base/files.h"

namespace countersign::ceremony {
namespace {

using base::ConfigSection;

constexpr std::size_t kPlanLimit = 256 * 1024;
constexpr std::size_t kNameLimit = 64;

tl::unexpected<base::Error> wrong(const std::string& key, const std::string& detail) {
  return base::fail(base::Kind::invalid, "ceremony.plan", "'" + key + "' " + detail);
}

/// The name of a file, and of what is in it.
base::Result<std::string> read_name(ConfigSection& section, std::string_view key) {
  BASE_TRY(std::string name, section.text(key));
  const bool good = !name.empty() && name.size() <= kNameLimit && name.front() != '-' &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
  if (!good)
    return wrong(section.path_of(key), "must be of a-z, 0-9 and '-', 1 to 64 of them, such as \"partner-root\"");
  return name;
}

base::Result<std::string> read_full(ConfigSection& section, std::string_view key) {
  BASE_TRY(std::string text, section.text(key));
  if (text.empty() || text.size() > kCaNameLimit) return wrong(section.path_of(key), "must have 1 to 64 bytes");
  return text;
}

base::Result<x509::SubjectName> read_subject(ConfigSection& section) {
  x509::SubjectName subject;
  BASE_TRY(subject.common_name, read_full(section, "common_name"));
  BASE_TRY(subject.organisation, read_full(section, "organisation"));
  return subject;
}

base::Result<base::Duration> read_life(ConfigSection& section, base::Duration longest) {
  BASE_TRY(const std::string text, section.text("life"));
  const auto life = base::parse_duration(text);
  if (!life || *life <= base::Duration::zero() || *life > longest)
    return wrong(section.path_of("life"),
                 "must be a duration such as \"3650d\", of at most " +
                     std::to_string(std::chrono::duration_cast<std::chrono::hours>(longest).count() / 24) + "d");
  return *life;
}

base::Result<base::Instant> read_instant(ConfigSection& section, std::string_view key) {
  BASE_TRY(const std::string text, section.text(key));
  const auto at = base::parse_rfc3339(text);
  if (!at) return wrong(section.path_of(key), "must be a moment such as \"2026-11-26T10:00:00Z\"");
  return base::Instant::from_unix_seconds(at->unix_seconds());
}

base::Result<int> read_path_length(ConfigSection& section, int otherwise) {
  BASE_TRY(const std::int64_t length, section.integer_or("path_length", otherwise));
  if (length < 0 || length > kLongestPath)
    return wrong(section.path_of("path_length"), "must be 0 to " + std::to_string(kLongestPath));
  return static_cast<int>(length);
}

/// RFC 5280 section 8: plain HTTP, since a verifier that had to verify TLS first would go round in circles.
base::Result<std::string> read_url(ConfigSection& section, std::string_view key) {
  BASE_TRY(std::string url, section.text_or(key, ""));
  const bool visible = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
  if (url.empty() || (url.starts_with("http://") && visible && url.size() <= 200)) return url;
  return wrong(section.path_of(key), "must be a URL such as \"http://pki.example.com/crl/partner-root-0.crl\"");
}

base::Result<std::filesystem::path> read_path(ConfigSection& section, std::string_view key,
                                              const std::filesystem::path& folder) {
  BASE_TRY(const std::string text, section.text_or(key, ""));
  return text.empty() ? std::filesystem::path() : (folder / text).lexically_normal();
}

base::Result<RootPlan> read_root(ConfigSection& section) {
  BASE_TRY(std::string name, read_name(section, "name"));
  BASE_TRY(auto subject, read_subject(section));
  BASE_TRY(const std::string kind_text, section.text_or("key", "p256"));
  BASE_TRY(const auto kind, crypto::PrivateKey::parse_kind(kind_text));
  BASE_TRY(const base::Duration life, read_life(section, kLongestRootLife));
  BASE_TRY(const int path_length, read_path_length(section, 1));
  return RootPlan{std::move(name), std::move(subject), kind, life, path_length};
}

base::Result<std::string> read_digest(ConfigSection& section, std::string_view key) {
  BASE_TRY(std::string digest, section.text_or(key, ""));
  const auto bytes = base::from_hex(digest);
  if (digest.empty() || (bytes && bytes->size() == sizeof(crypto::Digest256))) return digest;
  return wrong(section.path_of(key), "must be 64 hexadecimal digits");
}

base::Result<CertifyPlan> read_certify(ConfigSection& section, const std::filesystem::path& folder) {
  CertifyPlan plan;
  BASE_TRY(plan.name, read_name(section, "name"));
  BASE_TRY(plan.root, read_name(section, "root"));
  BASE_TRY(const std::string rank, section.text_or("rank", "issuing"));
  if (rank != "issuing" && rank != "root") return wrong(section.path_of("rank"), "must be \"issuing\" or \"root\"");
  plan.rank = rank == "root" ? CaRank::root : CaRank::issuing;
  BASE_TRY(plan.request, read_path(section, "request", folder));
  BASE_TRY(plan.certificate, read_path(section, "certificate", folder));
  if (plan.request.empty() == plan.certificate.empty())
    return wrong(section.path_of("request"),
                 "names the request of a new CA, or 'certificate' a CA to be certified once more: write one of them");
  BASE_TRY(plan.spki_sha256, read_digest(section, "spki_sha256"));
  if (!plan.request.empty()) {
    BASE_TRY(plan.subject, read_subject(section));
    if (plan.spki_sha256.empty())
      return wrong(section.path_of("spki_sha256"),
                   "is missing: the digest of the key, as the authority showed it to its operator");
  }
  BASE_TRY(plan.life, read_life(section, plan.rank == CaRank::root ? kLongestRootLife : kLongestIssuingLife));
  BASE_TRY(plan.path_length, read_path_length(section, plan.rank == CaRank::root ? 1 : 0));
  BASE_TRY(plan.crl_url, read_url(section, "crl"));
  BASE_TRY(plan.issuer_url, read_url(section, "issuer"));
  return plan;
}

base::Result<CrlPlan> read_crl(ConfigSection& section) {
  CrlPlan plan;
  BASE_TRY(plan.root, read_name(section, "root"));
  BASE_TRY(plan.life, read_life(section, kLongestIssuingLife));
  BASE_TRY(plan.url, read_url(section, "url"));
  BASE_TRY(const std::int64_t least, section.integer_or("least_number", 1));
  if (least < 1) return wrong(section.path_of("least_number"), "must be 1 or more");
  plan.least_number = static_cast<std::uint64_t>(least);
  BASE_TRY(auto withdrawn, section.sections("withdrawn"));
  std::set<std::string> serials;
  for (ConfigSection& one : withdrawn) {
    BASE_TRY(const std::string text, one.text("serial"));
    const auto serial = x509::Serial::parse(text);
    if (!serial || !serials.insert(serial->hex()).second)
      return wrong(one.path_of("serial"), "must be a serial number in hexadecimal, and not there twice");
    BASE_TRY(const std::string reason_text, one.text("reason"));
    const auto reason = x509::parse_crl_reason(reason_text);
    if (!reason)
      return wrong(one.path_of("reason"),
                   "must be a reason such as \"ca_compromise\", \"superseded\" or \"cessation_of_operation\"");
    BASE_TRY(const base::Instant at, read_instant(one, "at"));
    plan.withdrawn.push_back({serial->hex(), *reason, at});
  }
  return plan;
}

base::Result<KeysPlan> read_keys(ConfigSection section, const std::filesystem::path& folder) {
  KeysPlan keys;
  BASE_TRY(keys.passphrase_file, read_path(section, "passphrase_file", folder));
  BASE_TRY(keys.token_module, read_path(section, "token_module", folder));
  BASE_TRY(keys.token_label, section.text_or("token_label", ""));
  BASE_TRY(keys.token_pin_file, read_path(section, "token_pin_file", folder));
  BASE_TRY(keys.key_prefix, section.text_or("key_prefix", ""));
  if (keys.token_module.empty() && (!keys.token_label.empty() || !keys.key_prefix.empty()))
    return wrong(section.path_of("token_module"), "is missing: the vendor's PKCS#11 library");
  if (!keys.token_module.empty() && (keys.token_label.empty() || keys.key_prefix.empty()))
    return wrong(section.path_of("token_label"),
                 "and 'key_prefix' must be there, too: which token, and how its keys begin");
  return keys;
}

/// Each file that is made has a name of its own.
base::Result<void> check_names(const Plan& plan) {
  std::set<std::string> names;
  for (const RootPlan& root : plan.roots)
    if (!names.insert(root.name).second) return wrong("roots.name", "is '" + root.name + "' twice");
  for (const CertifyPlan& ca : plan.certify)
    if (!names.insert(ca.name).second) return wrong("certify.name", "is '" + ca.name + "' twice");
  std::set<std::string> crls;
  for (const CrlPlan& crl : plan.crls)
    if (!crls.insert(crl.root).second) return wrong("crls.root", "is '" + crl.root + "' twice: a root has one CRL");
  if (names.empty() && crls.empty())
    return wrong("roots", "'certify' and 'crls' are all empty: there is nothing to do");
  return {};
}

base::Result<Plan> read(ConfigSection& top, const std::filesystem::path& folder) {
  BASE_TRY(auto head, top.section("ceremony"));
  Plan plan;
  BASE_TRY(plan.title, head.text("title"));
  BASE_TRY(plan.at, read_instant(head, "at"));
  BASE_TRY(plan.witnesses, head.texts("witnesses"));
  if (plan.title.empty()) return wrong(head.path_of("title"), "is empty: say what this is for");
  if (plan.witnesses.empty()) return wrong(head.path_of("witnesses"), "is missing: the names of who is present");
  BASE_TRY(plan.state, read_path(head, "state", folder));
  BASE_TRY(plan.out, read_path(head, "out", folder));
  if (plan.state.empty())
    return wrong(head.path_of("state"), "is missing: the folder of roots and of what they signed");
  if (plan.out.empty()) return wrong(head.path_of("out"), "is missing: a folder that is not there yet");
  BASE_TRY(auto keys, top.section("keys"));
  BASE_TRY(plan.keys, read_keys(std::move(keys), folder));
  BASE_TRY(auto roots, top.sections("roots"));
  for (ConfigSection& section : roots) {
    BASE_TRY(auto root, read_root(section));
    plan.roots.push_back(std::move(root));
  }
  BASE_TRY(auto cas, top.sections("certify"));
  for (ConfigSection& section : cas) {
    BASE_TRY(auto ca, read_certify(section, folder));
    plan.certify.push_back(std::move(ca));
  }
  BASE_TRY(auto crls, top.sections("crls"));
  for (ConfigSection& section : crls) {
    BASE_TRY(auto crl, read_crl(section));
    plan.crls.push_back(std::move(crl));
  }
  BASE_TRY_VOID(top.finish());
  BASE_TRY_VOID(check_names(plan));
  return plan;
}

}  // namespace

base::Result<Plan> Plan::load(const std::filesystem::path& file) {
  BASE_TRY(const std::string text, base::read_file(file, kPlanLimit));
  return parse(text, file);
}

base::Result<Plan> Plan::parse(std::string_view text, const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  BASE_TRY(auto top, ConfigSection::parse(text, file.string()));
  auto plan = read(top, folder);
  if (plan) return plan;
  return base::unexpected(top.explain(std::move(plan).error()));
}

}  // namespace countersign::ceremony
