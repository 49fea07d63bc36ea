// StatusSnapshot: all that the status listener may say, as it was true at one moment. Made on the registry's thread,
// read on the listener's; immutable.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "authority/status/book.h"
#include "authority/status/crl_publisher.h"
#include "base/published.h"
#include "crypto/private_key.h"
#include "x509/ocsp_response.h"

namespace countersign::authority {

/// Signs OCSP responses for the CA that issued its certificate (RFC 6960 section 4.2.2.2).
struct OcspResponder {
  crypto::PrivateKey key;
  x509::Certificate certificate;
  x509::Sha1 key_sha1;  ///< by which its responses name it
};

struct CaStatus {
  std::string name;
  x509::OcspNames names;
  StatusBook book;
  std::shared_ptr<const OcspResponder> responder;  ///< null: nobody can speak for this CA now
};

/// Something to be fetched, by its path.
struct ServedFile {
  std::shared_ptr<const std::string> content;
  std::string media_type;
  std::string etag;
  base::Instant made_at;
  base::Instant good_until;
};

struct StatusSnapshot {
  base::Instant as_of;  ///< when the registry was asked
  std::vector<std::shared_ptr<const CaStatus>> cas;
  /// "/crl/NAME-SHARD.crl" and "/ca/NAME.cer", roots too; shared by snapshots with the same files.
  std::shared_ptr<const std::map<std::string, ServedFile, std::less<>>> files;
};

using PublishedStatus = base::Published<StatusSnapshot>;

}  // namespace countersign::authority
