// A trust chain in a PEM file: roots, and perhaps the issuing CAs under them, as the provider hands it out.
#pragma once

#include <filesystem>

#include "trust/trust_set.h"

namespace countersign::cli {

struct TrustFile {
  std::vector<x509::Certificate> roots;
  std::vector<x509::Certificate> issuing_cas;
};

/// Sorts: a certificate that another one in `certificates` issued is an issuing CA and needs that one to be believed;
/// all others are roots, believed because they stand here.
TrustFile sort_trust(std::vector<x509::Certificate> certificates);
/// Fails: as base::read_file and x509::Certificate.
base::Result<TrustFile> read_trust_file(const std::filesystem::path& path);

}  // namespace countersign::cli
