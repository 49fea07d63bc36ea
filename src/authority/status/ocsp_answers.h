// OcspAnswers: from the bytes of an OCSP request to those of its response (RFC 6960, RFC 5019), out of a snapshot.
//
// Good is said only of serials that were issued and published, and nothing of the certificates of other CAs. Responses
// to requests without nonce are kept and given again while they are fresh and the registry says the same. Belongs to
// one thread.
#pragma once

#include <string>
#include <unordered_map>

#include "authority/status/snapshot.h"

namespace countersign::authority {

/// How long a response is good. After half of it a kept one is not given again.
inline constexpr base::Duration kOcspLife = std::chrono::hours(1);
/// Responses that are kept, about 1 KiB each.
inline constexpr std::size_t kOcspCacheLimit = 32 * 1024;

struct OcspReply {
  std::shared_ptr<const std::string> der;
  /// Set when every answer in it is about an issued certificate, and there is no nonce: it may be kept until then.
  std::optional<base::Instant> good_until = {};
  std::optional<base::Instant> made_at = {};
};

class OcspAnswers {
 public:
  /// Never fails: what cannot be answered is an OCSP error. `malformedRequest` for what does not parse; `unauthorized`
  /// unless all certificates asked for are of one issuing CA of ours, since one signature speaks for one CA (section
  /// 4.2.2.2); `tryLater` when the snapshot is older than kOcspLife or nobody can sign for that CA; `internalError`
  /// when signing fails.
  OcspReply answer(base::BytesView request, const StatusSnapshot& snapshot, base::Instant now);

  std::size_t kept() const { return young_.size() + old_.size(); }

 private:
  struct Kept {
    OcspReply reply;
    CertificateStatus status;
    std::shared_ptr<const OcspResponder> by;
  };
  using Cache = std::unordered_map<std::string, Kept>;
  struct Question;
  OcspReply sign(const Question& question, const StatusSnapshot& snapshot, base::Instant now) const;
  const Kept* find_kept(const std::string& cert_id);
  void keep(std::string cert_id, Kept kept);

  Cache young_;  ///< by the whole CertID
  Cache old_;    ///< dropped when the young are as many as may be
};

}  // namespace countersign::authority
