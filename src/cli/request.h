// What `countersign request` leaves on disk, and the rules about what it may overwrite.
#pragma once

#include "cli/enrolment.h"

namespace countersign::cli {

struct RequestFiles {
  std::filesystem::path key;          ///< PURPOSE.key, mode 0600
  std::filesystem::path certificate;  ///< PURPOSE.pem: the leaf
  std::filesystem::path chain;        ///< PURPOSE-chain.pem: the leaf and its issuing CA

  static RequestFiles in(const std::filesystem::path& folder, trust::Purpose purpose);
};

/// May a certificate for `key` be saved there? Yes where nothing is, or an older certificate of the same key. Fails:
/// `request.other_key` where another key's certificate, or something else, would be lost.
base::Result<void> check_may_save(const RequestFiles& files, const crypto::PublicKey& key);

/// Each file is replaced as a whole; the chain first, so that the leaf's presence says that all is there. Fails:
/// `file.unwritable`.
base::Result<void> save(const RequestFiles& files, const Issued& issued);

}  // namespace countersign::cli
