// Issuances: intents to issue. One is durable before its signature exists; its serial is the key, so it is never used
// twice.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct IssuanceRow {
  std::string serial;  ///< hexadecimal
  ApplicationKey key;
  std::string purpose;
  std::string names;  ///< every name the certificate will carry, as JSON
  std::string spki_sha256;
  std::string tbs_sha256;
  std::string issuer;  ///< name of the issuing CA
  std::string requested_by;
  std::string state;  ///< recorded | issued | abandoned
  base::Instant recorded_at;
  std::optional<base::Instant> finished_at;
  std::optional<std::string> instance = std::nullopt;  ///< the authority that is at it
};

/// Fails also: `store.conflict` when the serial was ever used.
base::Result<void> insert(Transaction& transaction, const IssuanceRow& row);
/// The same for several, all or none.
base::Result<void> insert(Transaction& transaction, const std::vector<IssuanceRow>& rows);
base::Result<std::optional<IssuanceRow>> find_issuance(Transaction& transaction, const std::string& serial);
/// Those in state recorded, oldest first.
base::Result<std::vector<IssuanceRow>> list_open_issuances(Transaction& transaction);
/// recorded -> issued or abandoned. False when it was not in state recorded.
base::Result<bool> finish_issuance(Transaction& transaction, const std::string& serial, const std::string& state,
                                   base::Instant at);

/// Who meant to use a key, for what: one row for each distinct use.
struct KeyUseRow {
  ApplicationKey key;
  std::string purpose;
};
base::Result<std::vector<KeyUseRow>> list_key_uses(Transaction& transaction, const std::string& spki_sha256);

}  // namespace countersign::store
