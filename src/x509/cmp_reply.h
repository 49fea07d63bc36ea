// CMP messages as they go out (RFC 4210), written by hand: bodies, and the header and protection around them.
#pragma once

#include "crypto/private_key.h"
#include "x509/cmp_body.h"

namespace countersign::x509 {

/// PKIFailureInfo by its bits (RFC 4210 section 5.2.3).
enum class CmpFailure : std::uint8_t {
  bad_alg = 0,
  bad_message_check = 1,
  bad_request = 2,
  bad_time = 3,
  bad_cert_id = 4,
  bad_data_format = 5,
  bad_pop = 9,
  cert_revoked = 10,
  wrong_integrity = 12,
  bad_recipient_nonce = 13,
  bad_sender_nonce = 18,
  bad_cert_template = 19,
  signer_not_trusted = 20,
  transaction_id_in_use = 21,
  unsupported_version = 22,
  not_authorized = 23,
  system_unavail = 24,
  system_failure = 25,
};

/// PKIStatusInfo: accepted, waiting, or rejected with why, for a program and for people.
struct CmpStatus {
  enum class Kind : std::uint8_t { accepted = 0, rejection = 2, waiting = 3 };
  Kind kind = Kind::accepted;
  std::optional<CmpFailure> failure = {};
  std::vector<std::string> texts = {};
};

/// Of ip, cp and kup; the certificate only where there is one.
struct CmpCertResponse {
  CmpBody body;
  std::int64_t id;
  CmpStatus status;
  const Certificate* certificate = nullptr;
};

/// Bodies, each whole with its [n].
base::Bytes cert_response_body(const CmpCertResponse& response);
base::Bytes revocation_response_body(const CmpStatus& status);
base::Bytes poll_response_body(std::int64_t id, std::int64_t check_after_seconds);
base::Bytes confirmation_body();
base::Bytes error_body(const CmpStatus& status);
/// genp with id-it-caCerts.
base::Bytes ca_certificates_body(const std::vector<Certificate>& certificates);

/// What stands around a body; all borrowed.
struct CmpReply {
  std::uint64_t version = 2;
  const Certificate& sender;  ///< whose subject is named
  base::BytesView recipient;  ///< GeneralName; empty: nobody
  base::Instant at;
  base::BytesView transaction_id;  ///< empty: none
  base::BytesView sender_nonce;
  base::BytesView recipient_nonce;  ///< empty: none
  bool confirms_implicitly = false;
  base::BytesView body;
  std::vector<Certificate> certificates = {};  ///< extraCerts
};
struct CmpMacKey {
  const base::Secret& secret;
  const crypto::PasswordMac& how;
  base::BytesView key_id;  ///< the reference
};
base::Bytes protect_by_mac(const CmpReply& reply, const CmpMacKey& key);
/// By the key of `reply.sender`. Fails: `key.signing`.
base::Result<base::Bytes> protect_by_signature(const CmpReply& reply, const crypto::PrivateKey& key);

/// directoryName of a certificate's subject, as a GeneralName.
base::Bytes to_general_name(const Certificate& certificate);

}  // namespace countersign::x509
