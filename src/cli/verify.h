// `countersign verify`: the trust decision on files alone, without registry or network.
#pragma once

#include <optional>
#include <string>

#include "trust/verdict.h"

namespace countersign::cli {

struct VerifyQuestion {
  std::string trust_file;
  std::optional<std::string> intermediates_file = std::nullopt;
  std::string leaf_file;  ///< PEM, leaf first and then what else is presented; or one DER certificate
  trust::Purpose purpose = trust::Purpose::transport;
  std::optional<std::string> host = std::nullopt;
  std::optional<base::Environment> environment = std::nullopt;
  base::Instant at;
};

/// The inner Result is the verdict. What should be certificates but is not, in the leaf's or the intermediates' file,
/// is refused as `malformed`. Fails: `file.not_found`, `file.unreadable`, `trust.unreadable`, `anchors.not_ca`.
base::Result<base::Result<trust::VerifiedChain, trust::Refusal>> verify_files(const VerifyQuestion& question);

}  // namespace countersign::cli
