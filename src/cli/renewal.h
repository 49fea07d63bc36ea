// Renewal: the next certificate of an identity, asked for with the one that is held, always for a new key.
//
// In a folder as `countersign request` makes it. The new key waits in PURPOSE.key.next until its certificate is there,
// over any number of questions and restarts; then key and chain are swapped as one (feed::replace), whenever the plug
// is pulled. The old pair stays as PURPOSE-previous.* until the next renewal: both are good until the old one ends.
#pragma once

#include "cli/request.h"
#include "feed/credential_files.h"

namespace countersign::cli {

/// With which certificate is one for `wanted` renewed? A Signing Certificate with the Transport Certificate, a server's
/// with the service's, each other one with itself.
trust::Purpose held_for(trust::Purpose wanted);

/// What a folder holds for one purpose.
struct RenewalFiles {
  RequestFiles current;
  RequestFiles previous;
  std::filesystem::path next_key;  ///< PURPOSE.key.next: of a renewal that is under way
  std::filesystem::path lock;      ///< FOLDER/renewal.lock: whoever renews here holds it

  static RenewalFiles in(const std::filesystem::path& folder, trust::Purpose purpose);
};

struct Held {
  tls::Credential credential;  ///< of held_for(purpose): proves who asks
  x509::Certificate current;   ///< of `purpose`
  base::Identity identity;
  bool under_way;  ///< a key waits for its certificate
};
/// Completes a swap that was interrupted, first. Fails: `renewal.nothing`, `renewal.other_identity` (the folder mixes
/// two applications), and as tls::load_credential.
base::Result<Held> load_held(const std::filesystem::path& folder, trust::Purpose purpose);

/// The kind of key that `key` is, for one like it.
crypto::PrivateKey::Kind kind_like(const crypto::PublicKey& key);

struct Question {
  crypto::PrivateKey key;
  Enrolment enrolment;      ///< what the answer must fit: this key, the identity held
  base::json::object body;  ///< for POST /v1/renewals
};
/// With the key that waits, or a new one of `kind`, durable before it is used. Fails: as open_or_make_key.
base::Result<Question> prepare_renewal(const Held& held, const RenewalFiles& files, trust::Purpose purpose,
                                       crypto::PrivateKey::Kind kind);

/// Has the certificate ended that proves who asks, and is it what is to be renewed? Then its key signs the order, and
/// no handshake shows it; the authority takes that where its profile allows it.
bool is_late(const Held& held, trust::Purpose purpose, base::Instant now);
/// For POST /v1/late-renewals. Fails: as crypto::PrivateKey::sign.
base::Result<base::json::object> late_body(const Held& held, const Question& question);
/// Is this one of those?
bool is_late_body(const base::json::object& body);
inline constexpr const char* kRenewals = "/v1/renewals";
inline constexpr const char* kLateRenewals = "/v1/late-renewals";

/// Keeps the old pair as the previous one, then swaps. Fails: `file.unwritable`; load_held() then still finds a
/// matching pair.
base::Result<void> swap_in(const RenewalFiles& files, const Question& question, const Issued& issued);

/// The key that waits will never be certified: the next renewal makes another. Fails: `file.unwritable`.
base::Result<void> drop_next_key(const RenewalFiles& files);
/// Does the authority's refusal mean just that? Then it is dropped.
bool is_about_the_key(const base::Error& error);

/// The refusal in the words of whoever renews: an end that has passed is said as such.
base::Error explain_refusal(base::Error error, const Held& held, base::Instant now);

}  // namespace countersign::cli
