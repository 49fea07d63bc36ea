#include "x509/ocsp_staple.h"

#include <algorithm>

#include <openssl/ocsp.h>

#include "crypto/openssl_error.h"
#include "x509/native.h"

namespace countersign::x509 {
namespace {

using Response = crypto::Handle<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using Basic = crypto::Handle<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using Request = crypto::Handle<OCSP_REQUEST, OCSP_REQUEST_free>;
using SingleId = crypto::Handle<OCSP_CERTID, OCSP_CERTID_free>;
using Store = crypto::Handle<X509_STORE, X509_STORE_free>;

tl::unexpected<base::Error> refused(const char* code, std::string detail) {
  crypto::drop_openssl_errors();
  return base::fail(base::Kind::invalid, code, std::move(detail));
}

/// The issuer alone is believed, whoever is above it.
bool is_signed(OCSP_BASICRESP* basic, const StapleQuery& query) {
  const Store store(X509_STORE_new());
  const NativeStack known(sk_X509_new_null());
  X509* issuer = query.issuer.native();
  if (store == nullptr || known == nullptr || sk_X509_push(known.get(), issuer) <= 0) return false;
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  if (query.at) X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), query.at->unix_seconds());
  else X509_STORE_set_flags(store.get(), X509_V_FLAG_NO_CHECK_TIME);
  return X509_STORE_add_cert(store.get(), issuer) == 1 && OCSP_basic_verify(basic, known.get(), store.get(), 0) == 1;
}

/// The certificate that signed: the issuer, or a responder of its choosing, which came along. Null: there is none.
X509* signer_of(OCSP_BASICRESP* basic, const Certificate& issuer) {
  const NativeStack known(sk_X509_new_null());
  X509* signer = nullptr;
  if (known == nullptr || sk_X509_push(known.get(), issuer.native()) <= 0 ||
      OCSP_resp_get0_signer(basic, &signer, known.get()) != 1)
    return nullptr;
  return signer;
}

std::optional<base::Instant> signer_until(OCSP_BASICRESP* basic, const Certificate& issuer) {
  X509* const signer = signer_of(basic, issuer);
  return signer == nullptr ? std::nullopt : to_instant(X509_get0_notAfter(signer));
}

OcspStatus::Kind to_status(int status) {
  if (status == V_OCSP_CERTSTATUS_GOOD) return OcspStatus::Kind::good;
  return status == V_OCSP_CERTSTATUS_REVOKED ? OcspStatus::Kind::revoked : OcspStatus::Kind::unknown;
}

base::Result<Basic> read(base::BytesView der) {
  const std::uint8_t* at = der.data();
  if (der.empty() || der.size() > kStapleLimit)
    return refused("staple.malformed", "the response is empty or larger than 64 KiB");
  const Response response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (response == nullptr || at != der.data() + der.size())
    return refused("staple.malformed", "it is not an OCSP response");
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return refused("staple.unsuccessful",
                   "the responder answered '" + std::string(OCSP_response_status_str(status)) + "' and no more");
  Basic basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return refused("staple.malformed", "the OCSP response is of an unknown kind");
  return basic;
}

/// No certificates but the signer's and the issuer's, two in all.
bool brings_what_is_needed(OCSP_BASICRESP* basic, const Certificate& issuer) {
  constexpr int kMost = 2;
  const X509* const signer = signer_of(basic, issuer);
  const STACK_OF(X509)* const brought = OCSP_resp_get0_certs(basic);
  if (signer == nullptr || sk_X509_num(brought) > kMost) return false;
  for (int i = 0; i < sk_X509_num(brought); ++i) {
    const X509* const one = sk_X509_value(brought, i);
    if (X509_cmp(one, signer) != 0 && X509_cmp(one, issuer.native()) != 0) return false;
  }
  return true;
}

/// No signature of the kinds that responders use has parameters, except RSASSA-PSS, which is checked by them.
bool has_bare_algorithm(const OCSP_BASICRESP* basic) {
  const ASN1_OBJECT* name = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(&name, &type, nullptr, OCSP_resp_get0_tbs_sigalg(basic));
  return type == V_ASN1_UNDEF || type == V_ASN1_NULL || OBJ_obj2nid(name) == NID_rsassaPss;
}

/// What is not signed may be anybody's: it came over plain HTTP.
base::Result<void> check_rest(OCSP_BASICRESP* basic, const StapleQuery& query) {
  if (query.der.size() > kOwnStapleLimit) return refused("staple.malformed", "the response is larger than 8 KiB");
  const Response anew(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
  if (anew == nullptr || !std::ranges::equal(to_der<i2d_OCSP_RESPONSE>(anew.get()), query.der))
    return refused("staple.malformed", "the response is not in DER, or something stands behind it");
  if (!has_bare_algorithm(basic))
    return refused("staple.malformed", "the response's signature algorithm has parameters that it does not have");
  if (!brings_what_is_needed(basic, query.issuer))
    return refused("staple.malformed", "the response brings other certificates than its signer's and the issuer's");
  return {};
}

base::Result<Staple> judge(OCSP_BASICRESP* basic, const StapleQuery& query) {
  int status = 0;
  int reason = 0;
  ASN1_GENERALIZEDTIME* revoked_at = nullptr;
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  bool found = false;
  for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256()}) {
    const SingleId id(OCSP_cert_to_id(digest, query.leaf.native(), query.issuer.native()));
    found = found || (id != nullptr && OCSP_resp_find_status(basic, id.get(), &status, &reason, &revoked_at,
                                                             &this_update, &next_update) == 1);
  }
  if (!found) return refused("staple.other_certificate", "the response does not speak of the server's certificate");
  const std::optional<base::Instant> from = to_instant(this_update);
  if (!from) return refused("staple.malformed", "thisUpdate of the response is no time");
  const auto until = is_signed(basic, query) ? signer_until(basic, query.issuer) : std::nullopt;
  if (!until)
    return refused("staple.bad_signature", "the response is not signed by the certificate's issuer or its responder");
  crypto::drop_openssl_errors();
  return Staple{to_status(status), *from, next_update == nullptr ? std::nullopt : to_instant(next_update), *until};
}

}  // namespace

base::Result<Staple> verify_staple(const StapleQuery& query) {
  BASE_TRY(const Basic basic, read(query.der));
  return judge(basic.get(), query);
}

base::Result<Staple> verify_own_staple(const StapleQuery& query) {
  BASE_TRY(const Basic basic, read(query.der));
  BASE_TRY(const Staple staple, judge(basic.get(), query));
  if (staple.status == OcspStatus::Kind::good) BASE_TRY_VOID(check_rest(basic.get(), query));
  return staple;
}

base::Result<base::Bytes> make_staple_request(const Certificate& leaf, const Certificate& issuer) {
  const Request request(OCSP_REQUEST_new());
  SingleId id(OCSP_cert_to_id(EVP_sha1(), leaf.native(), issuer.native()));
  if (request == nullptr || id == nullptr || OCSP_request_add0_id(request.get(), id.get()) == nullptr)
    return refused("staple.request", "no OCSP request could be made for the certificate");
  (void)id.release();  // the request's now
  base::Bytes der = to_der<i2d_OCSP_REQUEST>(request.get());
  if (der.empty()) return refused("staple.request", "no OCSP request could be made for the certificate");
  return der;
}

bool demands_staple(const Certificate& certificate) {
  constexpr long kStatusRequest = 5;  // RFC 6066 section 8
  const std::unique_ptr<TLS_FEATURE, void (*)(TLS_FEATURE*)> features(
      static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate.native(), NID_tlsfeature, nullptr, nullptr)),
      [](TLS_FEATURE* list) { sk_ASN1_INTEGER_pop_free(list, ASN1_INTEGER_free); });
  crypto::drop_openssl_errors();
  bool demanded = false;
  for (int i = 0; i < sk_ASN1_INTEGER_num(features.get()); ++i)
    demanded = demanded || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == kStatusRequest;
  return demanded;
}

}  // namespace countersign::x509
