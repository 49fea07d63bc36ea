// OwnStaple: the OCSP response about a certificate of our own that goes out with it to clients who ask (RFC 6066
// section 8; in TLS 1.3 beside the certificate, RFC 8446 section 4.4.2.1). It was verified by whoever publishes it.
//
// One stands for all threads that show the certificate. A client that does not ask costs nothing; one that does costs a
// load and a copy, and a thread that has seen the newest response takes no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/published.h"
#include "base/time.h"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace countersign::tls {

struct Staple {
  base::Bytes der;
  base::Instant until;  ///< from then on it is not shown
};

class OwnStaple {
 public:
  /// What a client who asks gets where there is none.
  enum class Without {
    certificate_alone,
    /// Nothing: the handshake ends with internal_error. The certificate says that its server staples whenever it is
    /// asked (RFC 7633 section 4.2.2), so that a client who went on would be misled.
    no_handshake,
  };
  /// Borrows the clock, by which a response ends.
  OwnStaple(Without without, const base::Clock& clock) : without_(without), clock_(clock) {}
  OwnStaple(const OwnStaple&) = delete;

  /// Handshakes from now on get this one; null: none. Thread-safe.
  void publish(std::shared_ptr<const Staple> staple);
  /// Null: there is none, or it has ended. Thread-safe.
  std::shared_ptr<const Staple> current() const;

 private:
  friend class StapleView;
  const Without without_;
  const base::Clock& clock_;
  base::Published<Staple> staple_;
  std::atomic<std::uint64_t> changes_{1};
};

/// It as one thread's handshakes see it: taken once a change. Belongs to that thread.
class StapleView {
 public:
  explicit StapleView(std::shared_ptr<const OwnStaple> own) : own_(std::move(own)) {}
  /// Handshakes of `context` are answered by it, which it must outlive.
  void install(SSL_CTX* context);

 private:
  static int answer(SSL* ssl, void* view);
  const Staple* current();

  std::shared_ptr<const OwnStaple> own_;
  std::uint64_t seen_ = 0;
  std::shared_ptr<const Staple> staple_ = nullptr;
};

}  // namespace countersign::tls
