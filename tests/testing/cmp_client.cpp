#include "testing/cmp_client.h"

#include <algorithm>
#include <array>

#include <openssl/cmp.h>
#include <openssl/crmf.h>

#include "base/check.h"
#include "crypto/handle.h"
#include "crypto/openssl_error.h"
#include "x509/der.h"

namespace countersign::testing {
namespace {

using base::Bytes;
namespace der = x509::der;

using Context = crypto::Handle<OSSL_CMP_CTX, OSSL_CMP_CTX_free>;
using Name = crypto::Handle<X509_NAME, X509_NAME_free>;

constexpr std::array<std::uint8_t, 4> kTimeField = {0xa0, 0x11, 0x18, 0x0f};

struct Exchange {
  const CmpClient& client;
  const CmpClient::Transfer& transfer;
};

OSSL_CMP_MSG* exchange(OSSL_CMP_CTX* context, const OSSL_CMP_MSG* request) {
  const auto& how = *static_cast<const Exchange*>(OSSL_CMP_CTX_get_transfer_cb_arg(context));
  std::uint8_t* raw = nullptr;
  const int length = i2d_OSSL_CMP_MSG(request, &raw);
  BASE_CHECK(length > 0);
  const Bytes message(raw, raw + length);
  OPENSSL_free(raw);
  const auto answer = how.transfer(at_time(message, how.client.now, how.client));
  if (!answer) return nullptr;
  const std::uint8_t* at = answer->data();
  return d2i_OSSL_CMP_MSG(nullptr, &at, static_cast<long>(answer->size()));
}

void identify(OSSL_CMP_CTX* context, const CmpClient& client) {
  if (client.mac) {
    const auto& [reference, secret] = *client.mac;
    const auto octets = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    BASE_CHECK(OSSL_CMP_CTX_set1_referenceValue(context, octets(reference), static_cast<int>(reference.size())) == 1 &&
               OSSL_CMP_CTX_set1_secretValue(context, octets(secret), static_cast<int>(secret.size())) == 1);
  }
  if (client.signer)
    BASE_CHECK(OSSL_CMP_CTX_set1_cert(context, client.signer->certificate.native()) == 1 &&
               OSSL_CMP_CTX_set1_pkey(context, client.signer->key.native()) == 1);
  if (client.trusted.empty()) return;
  X509_STORE* const store = X509_STORE_new();
  for (const x509::Certificate& one : client.trusted)
    X509_STORE_add_cert(store, one.native());
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), client.now.unix_seconds());
  BASE_CHECK(OSSL_CMP_CTX_set0_trustedStore(context, store) == 1);
}

void want(OSSL_CMP_CTX* context, const CmpClient& client, const crypto::PrivateKey* key) {
  const Name name(X509_NAME_new());
  X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("evil"), -1, -1, 0);
  BASE_CHECK(OSSL_CMP_CTX_set1_subjectName(context, name.get()) == 1);
  if (client.old) BASE_CHECK(OSSL_CMP_CTX_set1_oldCert(context, client.old->native()) == 1);
  if (key != nullptr) {
    EVP_PKEY_up_ref(key->native());
    BASE_CHECK(OSSL_CMP_CTX_set0_newPkey(context, 1, key->native()) == 1);
  }
  const int popo = client.proof == CmpClient::Proof::signature     ? OSSL_CRMF_POPO_SIGNATURE
                   : client.proof == CmpClient::Proof::ra_verified ? OSSL_CRMF_POPO_RAVERIFIED
                                                                   : OSSL_CRMF_POPO_NONE;
  OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_POPO_METHOD, popo);
  OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_IMPLICIT_CONFIRM, client.confirm == CmpClient::Confirm::implicitly);
  if (client.confirm == CmpClient::Confirm::rejecting)
    OSSL_CMP_CTX_set_certConf_cb(
        context, [](OSSL_CMP_CTX*, X509*, int, const char**) { return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData; });
  if (client.reason >= 0) OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_REVOCATION_REASON, client.reason);
}

bool ask_for_cas(OSSL_CMP_CTX* context) {
  OSSL_CMP_ITAV* const asked = OSSL_CMP_ITAV_create(OBJ_nid2obj(NID_id_it_caCerts), nullptr);
  BASE_CHECK(OSSL_CMP_CTX_push0_genm_ITAV(context, asked) == 1);
  STACK_OF(OSSL_CMP_ITAV)* const answered = OSSL_CMP_exec_GENM_ses(context);
  const bool good = answered != nullptr && sk_OSSL_CMP_ITAV_num(answered) == 1;
  sk_OSSL_CMP_ITAV_pop_free(answered, OSSL_CMP_ITAV_free);
  return good;
}

bool run(CmpAsk ask, OSSL_CMP_CTX* context) {
  switch (ask) {
    case CmpAsk::ir: return OSSL_CMP_exec_IR_ses(context) != nullptr;
    case CmpAsk::cr: return OSSL_CMP_exec_CR_ses(context) != nullptr;
    case CmpAsk::kur: return OSSL_CMP_exec_KUR_ses(context) != nullptr;
    case CmpAsk::rr: return OSSL_CMP_exec_RR_ses(context) == 1;
    case CmpAsk::ca_certificates: return ask_for_cas(context);
  }
  BASE_UNREACHABLE();
}

}  // namespace

CmpOutcome run_cmp(CmpAsk ask, const CmpClient& client, const crypto::PrivateKey* key,
                   const CmpClient::Transfer& transfer) {
  const Context context(OSSL_CMP_CTX_new(nullptr, nullptr));
  BASE_CHECK(context != nullptr);
  OSSL_CMP_CTX_set_log_cb(context.get(),
                          [](const char*, const char*, int, OSSL_CMP_severity, const char*) { return 1; });
  Exchange how{client, transfer};
  OSSL_CMP_CTX_set_transfer_cb(context.get(), exchange);
  OSSL_CMP_CTX_set_transfer_cb_arg(context.get(), &how);
  identify(context.get(), client);
  want(context.get(), client, key);
  CmpOutcome outcome{.succeeded = run(ask, context.get()), .errors = crypto::take_openssl_errors()};
  X509* const got = OSSL_CMP_CTX_get0_newCert(context.get());
  if (got != nullptr) outcome.certificate = x509::Certificate::from_native(got);
  crypto::drop_openssl_errors();
  return outcome;
}

base::Bytes at_time(const base::Bytes& message, base::Instant at, const CmpClient& client) {
  der::Reader outer(message);
  der::Reader in(outer.next(der::kSequence)->content);
  Bytes header = base::to_bytes(in.next(der::kSequence)->whole);
  const Bytes body = base::to_bytes(in.next()->whole);
  (void)in.next(der::constructed(0));
  const auto extra = in.next(der::constructed(1));
  const auto field = std::ranges::search(header, kTimeField);
  BASE_CHECK(!field.empty());
  Bytes time;
  der::append_generalized_time(time, at);
  std::copy(time.begin(), time.end(), field.begin() + 2);

  const Bytes part = der::element(der::kSequence, {header, body});
  const auto parsed = x509::CmpMessage::parse(message).value();
  Bytes protection;
  if (const auto how = parsed.mac().value()) {
    crypto::PasswordMac mac = *how;
    protection = crypto::password_mac(mac, base::as_bytes(client.mac->secret), part);
  } else {
    protection = client.signer->key.sign(part).value();
  }
  Bytes bits;
  der::append_bits(bits, protection);
  const Bytes tagged = der::element(der::constructed(0), {bits});
  return der::element(der::kSequence, {header, body, tagged, extra ? extra->whole : base::BytesView()});
}

}  // namespace countersign::testing
