// Roots and issuing CAs: their certificates, what each may vouch for, and how far its rotation is. The keys are
// elsewhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/registry.h"

namespace countersign::store {

/// Of how many shards the CRL of a new issuing CA consists.
inline constexpr std::int64_t kCrlShards = 64;

inline constexpr std::string_view kTrustedRoot = "trusted";
inline constexpr std::string_view kRetiredRoot = "retired";

struct RootRow {
  std::string name;
  std::string der;  ///< base64
  base::Instant created_at;
  std::string line = {};  ///< the role in which roots follow each other; empty: as `name`
  std::int64_t generation = 1;
  std::string state = std::string(kTrustedRoot);
};

/// What one root says of another.
struct CrossCertificateRow {
  std::string root;    ///< whom it is of
  std::string issuer;  ///< by whom
  std::string der;     ///< base64
  base::Instant created_at;
};

struct IssuingCaRow {
  std::string name;
  std::string root;
  std::string environment;
  std::vector<std::string> purposes;
  std::string der;  ///< base64
  base::Instant created_at;
  std::int64_t crl_shards = kCrlShards;  ///< for ever: certificates name their shard
  std::string line = {};                 ///< the role in which CAs follow each other
  std::int64_t generation = 1;
  std::string state = "active";
  base::Instant state_since = {};
  std::optional<base::Instant> use_from = std::nullopt;  ///< the day from which it may issue, as was announced
};

/// A CA whose certificate is still to come. Its name is never used again, whatever becomes of it.
struct ProspectiveCaRow {
  std::string name;
  std::string line;
  std::int64_t generation;
  std::string state;     ///< making (the key), waiting (for its certificate), certified, cancelled
  std::string key_kind;  ///< as crypto::PrivateKey::parse_kind reads it; empty: as the token's settings say
  std::string csr;       ///< PEM; empty while the key is being made, as is what follows
  std::string spki_sha256;
  std::string tbs_sha256;  ///< of the certificate that this authority was about to sign last
  std::string created_by;
  base::Instant created_at;
};

base::Result<void> insert(Transaction& transaction, const RootRow& row);
base::Result<void> insert(Transaction& transaction, const IssuingCaRow& row);
/// Changes state and since when; an unknown name changes nothing.
base::Result<void> set_issuing_ca_state(Transaction& transaction, const std::string& name, const std::string& state,
                                        base::Instant since);
/// An unknown name changes nothing.
base::Result<void> set_issuing_ca_use_from(Transaction& transaction, const std::string& name, base::Instant use_from);
base::Result<std::optional<std::string>> find_issuing_ca_state(Transaction& transaction, const std::string& name);
/// Stores it, or replaces what is there of that name.
base::Result<void> put(Transaction& transaction, const ProspectiveCaRow& row);
/// In order of line and generation.
base::Result<std::vector<ProspectiveCaRow>> list_prospective_cas(Transaction& transaction);
/// In order of line and generation.
base::Result<std::vector<RootRow>> list_roots(Transaction& transaction);
/// An unknown name changes nothing.
base::Result<void> retire_root(Transaction& transaction, const std::string& name);
/// Stores it, or replaces what that root said of the other before.
base::Result<void> put(Transaction& transaction, const CrossCertificateRow& row);
/// In order of root and issuer.
base::Result<std::vector<CrossCertificateRow>> list_cross_certificates(Transaction& transaction);
/// In order of line and generation.
base::Result<std::vector<IssuingCaRow>> list_issuing_cas(Transaction& transaction);

/// What a CA has issued or is about to issue, OCSP responders' certificates left aside.
struct IssuedCount {
  std::int64_t living = 0;            ///< neither ended at `now` nor revoked, intents included
  std::optional<base::Instant> last;  ///< the end of the last one, revoked or not
};
base::Result<IssuedCount> count_issued(Transaction& transaction, const std::string& issuer, base::Instant now);

}  // namespace countersign::store
