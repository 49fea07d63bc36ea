// Material: keys, certificates and what the registry says of them, in files: the same for every server.
#pragma once

#include "load.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::bench {

class Material {
 public:
  Material();
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::filesystem::path file(const std::string& name) const { return folder_.path() / name; }
  Identity client() const { return {file("client.pem"), file("client.key")}; }
  /// The gateway's data folder NAME, with a copy of the trust feed in which `revoked` certificates are revoked.
  std::filesystem::path make_gateway_data(const std::string& name, std::size_t revoked) const;

 private:
  void write(const std::string& name, const testing::Issued& issued) const;
  testing::Folder folder_;
  testing::Pki pki_;
  std::vector<trust::CertificateFact> listed_;
};

}  // namespace countersign::bench
