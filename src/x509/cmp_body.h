// What a CMP message asks for (RFC 4210 section 5.3, RFC 9483 sections 4 and 5). Of what a certificate should say only
// the key is taken, after its proof of possession; the rest of a template is not even read.
#pragma once

#include "x509/cmp_message.h"
#include "x509/csr.h"

namespace countersign::x509 {

/// How CMP names a certificate; whether it is a good name is for the registry to say.
struct CmpCertId {
  std::string issuer;  ///< Name in DER
  Serial serial;
};

struct CmpCertRequest {
  std::int64_t id;  ///< certReqId: 0, and -1 for p10cr
  Csr csr;
  std::optional<CmpCertId> old = {};  ///< oldCertID (RFC 4211 section 6.5)
};
/// Of ir, cr, kur and p10cr: one request each (RFC 9483 section 4.1). Fails: `cmp.malformed`, `cmp.not_one`,
/// `cmp.request_id`, and as Csr::parse and Csr::from_crmf.
base::Result<CmpCertRequest> read_cert_request(const CmpMessage& message);

struct CmpRevocation {
  CmpCertId certificate;
  std::int64_t reason = 0;  ///< CRLReason; unspecified when it is not there
};
/// Of rr. Fails: `cmp.malformed`, `cmp.not_one`, `cmp.cert_id` when issuer or serial number are missing.
base::Result<CmpRevocation> read_revocation(const CmpMessage& message);

struct CmpConfirmation {
  bool accepts = false;  ///< no CertStatus at all, or one with a status of another kind, rejects
  std::int64_t id = 0;
  base::Bytes hash;
};
/// Of certConf. Fails: `cmp.malformed`, `cmp.not_one`.
base::Result<CmpConfirmation> read_confirmation(const CmpMessage& message);

/// The certReqId of a pollReq. Fails: `cmp.malformed`, `cmp.not_one`.
base::Result<std::int64_t> read_poll_request(const CmpMessage& message);

/// Does a genm ask for the CAs (id-it-caCerts, RFC 9483 section 4.3.1), and for nothing else? Fails: `cmp.malformed`.
base::Result<bool> asks_for_ca_certificates(const CmpMessage& message);

/// By which certConf names `certificate`: its digest by the hash of its own signature (RFC 4210 section 5.3.18).
base::Bytes cmp_certificate_hash(const Certificate& certificate);

}  // namespace countersign::x509
