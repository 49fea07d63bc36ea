// Pki: a provider's certificate authorities in memory, and every certificate a test could want from them.
//
//   Pki pki;
//   Issued good = pki.client("acme", "payments").issue();
//   Issued late = pki.client("acme", "payments").expired().issue();
//
// The same names and rules as the authority's own: two roots, one issuing CA per environment and purpose. Beside them
// stands a look-alike with the same names and other keys, and a public web CA for servers.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/identity.h"
#include "testing/ca.h"
#include "testing/fake_clock.h"
#include "testing/seeded_random.h"
#include "trust/registry_view.h"
#include "trust/trust_set.h"

namespace countersign::testing {

struct Issued {
  x509::Certificate certificate;
  crypto::PrivateKey key;
  std::vector<x509::Certificate> chain;  ///< what is presented: leaf first, then its issuers, without the root
  std::optional<base::Identity> identity;
  trust::Purpose purpose;

  /// What the registry would say of it. Only for certificates with an identity.
  trust::CertificateFact fact() const;
};

/// 2026-06-15T12:00:00Z, the instant at which a Pki lives unless told otherwise.
inline constexpr base::Instant kPkiNow = base::Instant::from_unix_seconds(1'781'524'800);

class Pki;

/// One certificate being described; issue() makes it. Each change is one deviation from a good certificate.
class Request {
 public:
  Request& environment(base::Environment environment);
  /// Another purpose: its EKU, KU and issuing CA.
  Request& purpose(trust::Purpose purpose);
  Request& expired();
  Request& not_yet_valid();
  Request& valid(base::Instant not_before, base::Instant not_after);
  Request& self_signed();
  /// From the look-alike: the same names everywhere, other keys.
  Request& other_ca();
  /// Names the genuine issuing CA and its key, but another key signed.
  Request& forged();
  /// Leaf of this environment and purpose, issued by the issuing CA of another.
  Request& issued_by(base::Environment environment, trust::Purpose purpose);
  /// One byte of the signature is changed.
  Request& tampered();
  /// One byte of the content is changed.
  Request& tampered_content();
  Request& key_kind(crypto::PrivateKey::Kind kind);
  Request& weak_key();        ///< RSA of 1024 bits
  Request& weak_signature();  ///< signed with SHA-1
  Request& with_eku(std::vector<std::string> oids);
  Request& with_key_usage(std::set<x509::KeyUsage> usages);
  Request& with_dns(std::vector<std::string> names);
  Request& with_addresses(std::vector<std::string> addresses);
  Request& with_uris(std::vector<std::string> uris);  ///< instead of the identity's URN
  Request& with_subject(x509::SubjectName subject);
  Request& with_unknown_critical_extension();
  Request& without_issuers();   ///< chain holds the leaf only
  Request& without_registry();  ///< Pki::registry() does not list it
  Issued issue();

 private:
  friend class Pki;
  explicit Request(Pki& pki) : pki_(&pki) {}
  enum class Issuer { genuine, look_alike, self, forged };
  x509::CertificateSpec to_spec(const crypto::PublicKey& key) const;
  x509::Certificate sign(const x509::CertificateSpec& spec, const crypto::PrivateKey& own_key, const Ca& ca) const;
  const Ca& issuing_ca() const;

  Pki* pki_;
  trust::Purpose purpose_ = trust::Purpose::transport;
  std::optional<base::Identity> identity_ = {};
  std::optional<std::pair<base::Environment, trust::Purpose>> issued_by_ = {};
  x509::SubjectName subject_ = {};
  x509::SubjectAltNames names_ = {};
  std::optional<std::vector<std::string>> eku_ = {};
  std::optional<std::set<x509::KeyUsage>> key_usage_ = {};
  base::Instant not_before_ = {};
  base::Instant not_after_ = {};
  std::optional<crypto::PrivateKey::Kind> key_kind_ = crypto::PrivateKey::Kind::p256;  ///< nothing: weak
  Issuer issuer_ = Issuer::genuine;
  std::set<std::string> deviations_ = {};
};

class Pki {
 public:
  explicit Pki(base::Instant now = kPkiNow);

  base::Instant now() const { return clock_.now(); }
  FakeClock& clock() { return clock_; }

  /// A partner's Transport Certificate, production; a Signing Certificate with .purpose(signing).
  Request client(const std::string& organisation = "acme", const std::string& application = "payments");
  /// The platform's own: internal/service/NAME, internal/operator/NAME.
  Request service(const std::string& application = "gateway");
  Request operator_(const std::string& application = "admin");
  /// A server of the platform: internal/service/NAME with these DNS names and addresses.
  Request internal_server(const std::string& application = "gateway", const std::string& host = "localhost");
  /// The provider's own Transport Certificate for calls to partners: production/provider/ehi.
  Request ehi();
  /// A server certificate of a public CA (another root, one intermediate) for a DNS name or address.
  Request server(const std::string& host = "localhost");

  const Ca& partner_root() const { return genuine_.partner_root; }
  const Ca& provider_root() const { return genuine_.provider_root; }
  const Ca& web_root() const { return genuine_.web_root; }
  const Ca& web_intermediate() const { return genuine_.web_intermediate; }
  const Ca& look_alike_partner_root() const { return look_alike_.partner_root; }
  const Ca& issuing_ca(base::Environment environment, trust::Purpose purpose) const;
  /// Every issuing CA with what it may vouch for.
  std::vector<trust::IssuingCa> issuing_cas() const;

  // Defined in pki_trust.cpp: whoever calls these links countersign_trust.
  /// Both roots and all issuing CAs: what a gateway knows.
  trust::TrustSet trust_set() const;
  trust::TrustSet partner_trust() const;
  trust::TrustSet provider_trust() const;
  /// The public CA's root, for servers.
  trust::TrustSet web_trust() const;
  /// Lists every certificate with an identity issued so far, unless it was asked for .without_registry().
  std::unique_ptr<trust::RegistryView> registry() const;
  const std::vector<trust::CertificateFact>& facts() const { return facts_; }

 private:
  friend class Request;
  struct Issuing {
    base::Environment environment;
    std::set<trust::Purpose> purposes;
    Ca ca;
  };
  struct Hierarchy {
    Ca partner_root;
    Ca provider_root;
    std::vector<Issuing> issuing;
    Ca web_root;
    Ca web_intermediate;
    const Ca& find(base::Environment environment, trust::Purpose purpose) const;
  };
  static Hierarchy make_hierarchy(base::Instant now);
  Request request_for(base::Environment environment, const std::string& organisation, const std::string& application);
  std::vector<trust::IssuingCa> issuing_cas_under(const Ca& root) const;

  FakeClock clock_;
  SeededRandom random_{20260615};
  Hierarchy genuine_;
  Hierarchy look_alike_;
  std::vector<trust::CertificateFact> facts_;
};

}  // namespace countersign::testing
