#include "tls/own_staple.h"

#include <openssl/ssl.h>

#include "tls/reception.h"

namespace countersign::tls {

void OwnStaple::publish(std::shared_ptr<const Staple> staple) {
  staple_.publish(std::move(staple));
  changes_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const Staple> OwnStaple::current() const {
  auto staple = staple_.take();
  return staple != nullptr && clock_.now() < staple->until ? staple : nullptr;
}

void StapleView::install(SSL_CTX* context) {
  // SSL_CTX_set_tlsext_status_cb is a macro with casts; this is what it does.
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, reinterpret_cast<void (*)()>(answer));
  SSL_CTX_set_tlsext_status_arg(context, this);
}

const Staple* StapleView::current() {
  const std::uint64_t changes = own_->changes_.load(std::memory_order_acquire);
  if (changes != seen_) {
    staple_ = own_->staple_.take();  // maybe a newer one still: then it is taken once more
    seen_ = changes;
  }
  return staple_ != nullptr && own_->clock_.now() < staple_->until ? staple_.get() : nullptr;
}

/// Asked by libssl once a full handshake has its site and cipher, where the client sent status_request.
int StapleView::answer(SSL* ssl, void* of) {
  auto& view = *static_cast<StapleView*>(of);
  const Staple* staple = view.current();
  if (staple == nullptr && view.own_->without_ == OwnStaple::Without::no_handshake) {
    if (Reception* reception = reception_of(ssl)) reception->note_no_staple();
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  if (staple == nullptr) return SSL_TLSEXT_ERR_NOACK;
  void* copy = OPENSSL_memdup(staple->der.data(), staple->der.size());  // libssl's to free
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple->der.size()));
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace countersign::tls
