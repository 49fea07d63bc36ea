#include "tls/reception.h"

#include <algorithm>

#include <openssl/ssl.h>

#include "base/check.h"
#include "tls/examination.h"
#include "tls/socket_bio.h"

namespace countersign::tls {
namespace {

constexpr std::size_t kLongestName = 255;  // RFC 1035 section 2.3.4; libssl's limit, too

/// The big-endian number in two octets.
std::size_t number(std::span<const unsigned char> two) { return (std::size_t{two[0]} << 8) | two[1]; }

struct Named {
  std::string name = {};
  int alert = 0;  ///< not 0: the extension is not what it must be
};

/// The host name in a server_name extension (RFC 6066 section 3): a list of one, as libssl reads it, too.
Named read_server_name(std::span<const unsigned char> extension) {
  constexpr std::size_t kHead = 5;  // length of the list, type, length of the name
  const bool headed = extension.size() > kHead && number(extension) == extension.size() - 2 &&
                      extension[2] == TLSEXT_NAMETYPE_host_name;
  if (!headed || number(extension.subspan(3)) != extension.size() - kHead) return {.alert = SSL_AD_DECODE_ERROR};
  const auto name = extension.subspan(kHead);
  if (name.size() > kLongestName || std::ranges::find(name, 0) != name.end())
    return {.alert = SSL_AD_UNRECOGNIZED_NAME};
  return {.name = canonical_name({reinterpret_cast<const char*>(name.data()), name.size()})};
}

Named server_name_in_hello(SSL* ssl) {
  const unsigned char* extension = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) != 1) return {};
  return read_server_name({extension, size});
}

int verify_mode_for(ClientCertificate mode) {
  switch (mode) {
    case ClientCertificate::required: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case ClientCertificate::optional: return SSL_VERIFY_PEER;
    case ClientCertificate::none: return SSL_VERIFY_NONE;
  }
  BASE_UNREACHABLE();
}

// A session carries its origin in every copy that libssl makes of it.

using SharedOrigin = std::shared_ptr<const SessionOrigin>;

void free_origin(void*, void* origin, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<SharedOrigin*>(origin); }

int copy_origin(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** from, int, long, void*) {
  const auto* origin = static_cast<SharedOrigin*>(*from);
  *from = origin == nullptr ? nullptr : new SharedOrigin(*origin);
  return 1;
}

int origin_index() {
  static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, copy_origin, free_origin);
  return index;
}

SharedOrigin origin_in(const SSL_SESSION* session) {
  const auto* origin = static_cast<SharedOrigin*>(SSL_SESSION_get_ex_data(session, origin_index()));
  return origin == nullptr ? nullptr : *origin;
}

void put_origin(SSL_SESSION* session, SharedOrigin origin) {
  auto kept = std::make_unique<SharedOrigin>(std::move(origin));
  auto* before = static_cast<SharedOrigin*>(SSL_SESSION_get_ex_data(session, origin_index()));
  if (SSL_SESSION_set_ex_data(session, origin_index(), kept.get()) != 1) return;
  (void)kept.release();
  delete before;
}

// libssl's hooks.

int meet_client_hello(SSL* ssl, int* alert, void*) {
  Reception* reception = reception_of(ssl);
  *alert = SSL_AD_INTERNAL_ERROR;
  return reception != nullptr && reception->meet(ssl, *alert) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

SSL_SESSION* recall_session(SSL* ssl, const unsigned char* id, int size, int* take_reference) {
  *take_reference = 0;  // what is given is libssl's
  Reception* reception = reception_of(ssl);
  return reception == nullptr || size < 0 ? nullptr : reception->recall(ssl, {id, static_cast<std::size_t>(size)});
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  Reception* reception = SSL_version(ssl) >= TLS1_3_VERSION ? reception_of(ssl) : nullptr;
  if (reception != nullptr) reception->keep(ssl, session);
  return 0;  // libssl keeps its reference
}

int date_ticket(SSL* ssl, void*) {
  if (Reception* reception = reception_of(ssl)) reception->date(ssl);
  return 1;
}

}  // namespace

Reception* reception_of(const SSL* ssl) {
  const auto* examination = static_cast<Examination*>(SSL_get_app_data(ssl));
  return examination == nullptr ? nullptr : examination->reception;
}

void install_reception(SSL_CTX* context, Resumption resumption) {
  SSL_CTX_set_client_hello_cb(context, meet_client_hello, nullptr);
  if (resumption == Resumption::off) return;
  // SSL_OP_NO_TICKET stays set: libssl then hands out session ids (RFC 8446 section 4.6.1 leaves a ticket's content to
  // us), and asks our hooks for sessions, never a store of its own.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_get_cb(context, recall_session);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  SSL_CTX_set_session_ticket_cb(context, date_ticket, nullptr, nullptr);
}

bool Reception::meet(SSL* ssl, int& alert) {
  Named named = server_name_in_hello(ssl);
  alert = named.alert != 0 ? named.alert : SSL_AD_UNRECOGNIZED_NAME;
  server_name_ = std::move(named.name);
  if (named.alert == 0) site_ = entrance_.choose(server_name_);
  turned_away_ = site_ == nullptr && alert == SSL_AD_UNRECOGNIZED_NAME;
  if (site_ == nullptr) {
    note_refused();
    return false;
  }
  BASE_CHECK(site_->context->library()->native() == first().library()->native());
  alert = SSL_AD_INTERNAL_ERROR;
  if (SSL_set_SSL_CTX(ssl, site_->context->native()) == nullptr) return false;
  SSL_set_verify(ssl, verify_mode_for(site_->mode()), nullptr);
  if (site_->sessions == nullptr) return true;
  // RFC 6066 section 3: a session is never resumed under another name.
  policy_ = crypto::sha256({site_->policy, base::as_bytes(server_name_)});
  return SSL_set_session_id_context(ssl, policy_.data(), static_cast<unsigned>(policy_.size())) == 1 &&
         SSL_set_num_tickets(ssl, 1) == 1;
}

/// Everything that a full handshake would have found out is asked again before libssl may resume; whatever is amiss,
/// the answer is null, and the full handshake finds out what.
SSL_SESSION* Reception::recall(SSL* ssl, std::span<const unsigned char> id) {
  SessionMemory::Id wanted;
  if (site_ == nullptr || site_->sessions == nullptr || id.size() != wanted.size()) return nullptr;
  std::ranges::copy(id, wanted.begin());
  const auto found = site_->sessions->find(wanted);
  if (!found || found->origin->policy() != policy_) return nullptr;
  if (SSL_SESSION_get_protocol_version(found->session) != SSL_version(ssl)) return nullptr;
  const auto& proof = found->origin->proof();
  if (!proof && site_->mode() == ClientCertificate::required) return nullptr;
  if (proof && (!site_->rejudge || site_->rejudge(*proof))) {
    site_->sessions->forget(wanted);
    return nullptr;
  }
  return SSL_SESSION_dup(found->session);
}

std::shared_ptr<const SessionOrigin> Reception::origin_of(SSL* ssl, SSL_SESSION* session) {
  if (SSL_session_reused(ssl) == 1) return origin_in(session);
  if (own_origin_ == nullptr && make_origin_) own_origin_ = make_origin_();
  return own_origin_;
}

void Reception::keep(SSL* ssl, SSL_SESSION* session) {
  if (site_ == nullptr || site_->sessions == nullptr) return;
  auto origin = origin_of(ssl, session);
  if (origin == nullptr || origin->policy() != policy_) return;
  put_origin(session, origin);
  site_->sessions->keep(*session, std::move(origin));
}

void Reception::finish(SSL* ssl) {
  if (SSL_version(ssl) >= TLS1_3_VERSION || SSL_session_reused(ssl) == 1) return;
  // RFC 7627 section 5.3: without the extended master secret, a session could be spliced onto another connection.
  if (SSL_get_extms_support(ssl) == 1) keep(ssl, SSL_get_session(ssl));
}

void Reception::date(SSL* ssl) {
  SSL_SESSION* session = SSL_get_session(ssl);
  if (site_ == nullptr || site_->sessions == nullptr || session == nullptr) return;
  const auto origin = origin_of(ssl, session);
  const base::Duration left = origin == nullptr ? base::Duration::zero() : origin->until() - site_->sessions->now();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left).count();
  SSL_SESSION_set_timeout(session, static_cast<long>(std::max<std::int64_t>(seconds, 0)));
  hold_next_write(ssl);  // the first response takes it along
}

std::shared_ptr<const SessionOrigin> Reception::resumed_from(SSL* ssl) const {
  if (SSL_session_reused(ssl) != 1) return nullptr;
  auto origin = origin_in(SSL_get_session(ssl));
  return origin != nullptr && origin->policy() == policy_ ? origin : nullptr;
}

}  // namespace countersign::tls
