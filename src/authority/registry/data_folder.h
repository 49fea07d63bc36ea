// DataFolder: where the authority keeps what, and the lock that lets one authority at a time use it.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace countersign::authority {

class DataFolder {
 public:
  explicit DataFolder(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path registry() const { return root_ / "registry.db"; }
  std::filesystem::path keys() const { return root_ / "keys"; }
  /// Keys of a first run that is not over yet.
  std::filesystem::path new_keys() const { return root_ / "keys.new"; }
  /// In keys() or new_keys(): says that the keys of the CAs are in a token.
  static std::filesystem::path token_note(const std::filesystem::path& keys) { return keys / "in-token"; }
  /// Remembers a PIN that the token refused.
  std::filesystem::path refused_pin() const { return root_ / "token-pin.refused"; }
  std::filesystem::path certificates() const { return root_ / "certificates"; }
  std::filesystem::path passphrase() const { return root_ / "passphrase"; }
  std::filesystem::path operator_folder() const { return root_ / "operator"; }
  /// The end of the audit log, outside of the registry.
  std::filesystem::path audit_head() const { return root_ / "audit.head"; }
  /// The name of the newest run on this folder; there since the first that had come as far as to join the fleet.
  std::filesystem::path instance() const { return root_ / "instance"; }
  /// Beside the folder: what gateways, senders and people on this machine read.
  std::filesystem::path provider_chain() const { return root_.parent_path() / "trust-chain.pem"; }
  std::filesystem::path partner_chain() const { return root_.parent_path() / "partner-chain.pem"; }

 private:
  std::filesystem::path root_;
};

/// Removes what writes that a crash interrupted left beside their files (NAME.new.PID). To be called under the lock,
/// when nobody writes here. Returns how many; what cannot be removed stays.
std::size_t remove_leftovers(const DataFolder& folder);

/// Held for as long as the object lives; the system drops it when the process dies, however it dies.
class DataLock {
 public:
  /// Makes the folder where it is missing. Fails: `authority.already_running`, `file.unwritable`.
  static base::Result<DataLock> acquire(const DataFolder& folder);
  ~DataLock();
  DataLock(DataLock&& other) noexcept;

 private:
  explicit DataLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace countersign::authority
