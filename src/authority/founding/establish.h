// First run: two roots, the issuing CAs under them, the organisations and applications that are the platform itself.
//
// The keys are written to `keys.new` first; then one amendment makes everything durable in the registry; then
// `keys.new` becomes `keys`. Whenever the plug is pulled, the next start sees which of the three it was, and completes
// it or begins anew. With a token `keys.new` says first that there will be keys in it, so that a first run that begins
// anew knows them for its own, and no other takes them.
#pragma once

#include <string>
#include <vector>

#include "authority/founding/ca_keys.h"
#include "authority/registry/data_folder.h"
#include "authority/registry/hierarchy.h"
#include "authority/registry/ledger.h"
#include "authority/registry/status_urls.h"
#include "base/secret.h"
#include "crypto/random.h"

namespace countersign::authority {

/// The provider's name stands in every CA's name: 1 to 64 characters (the CN keeps what fits).
inline constexpr std::size_t kProviderNameLimit = 64;

/// An open token, and how it is to be used. Borrows both.
struct TokenHome {
  crypto::Token& token;
  const TokenSettings& settings;
};

struct FirstRun {
  const DataFolder& folder;
  std::string provider;
  std::vector<std::string> server_names;  ///< of the authority, and at first of the gateway and the sender
  const base::Secret& passphrase;
  crypto::Random& random;
  const TokenHome* token = nullptr;  ///< where the keys are made in a token; otherwise in files
  StatusUrls status_urls = {};       ///< named by the issuing CAs' certificates for as long as they live; empty: none
};

enum class Establishment { made_now, was_there };

/// Fails: `authority.registry_lost` when there are keys and an empty registry (making new ones would end every
/// certificate), `keys.missing`, `keys.exist` when the token has another authority's, `provider.name`,
/// `server_name.invalid`, and as store, crypto, token and files.
base::Result<Establishment> establish(Ledger& ledger, const FirstRun& run);

/// Writes the certificates of roots and issuing CAs to the folder, and the two trust chains beside it, where they are
/// missing or differ. Fails: `file.unwritable`.
base::Result<void> write_certificates(const DataFolder& folder, const Hierarchy& hierarchy);

}  // namespace countersign::authority
