// Library: OpenSSL as one thread of ours uses it for handshakes.
//
// Costs of OpenSSL 3.0 and 3.1 go away with one of its own (docs/adr/0023, 0060): each certificate's key is decoded by
// trying every decoder of every provider, about 95 us, every look-up of an algorithm takes locks that all threads
// share, and each secret of TLS 1.3 takes five look-ups. A library of its own has those of the default provider's
// algorithms that TLS takes, a key schedule of our own (key_schedule.h) and, of its decoders, those of keys in
// certificates (SubjectPublicKeyInfo of EC, RSA, RSASSA-PSS, Ed25519). A key of another kind is then not decoded:
// whoever judges a chain reads it again with the process-wide library (examination.cpp), so the verdict is the same.
//
// Not used where somebody configured providers or properties (FIPS), or from OpenSSL 3.2 on, whose decoders are fast.
#pragma once

#include <memory>

#include "base/result.h"

typedef struct ossl_lib_ctx_st OSSL_LIB_CTX;
typedef struct ossl_provider_st OSSL_PROVIDER;

namespace countersign::tls {

class Library {
 public:
  /// The one of the process, as OpenSSL's configuration made it.
  static std::shared_ptr<const Library> of_process();
  /// One of its own for the calling thread's loop; of_process() where that is not called for. Fails: `tls.library`.
  static base::Result<std::shared_ptr<const Library>> make();

  ~Library();
  Library(const Library&) = delete;

  /// Null for that of the process, as OpenSSL wants it.
  OSSL_LIB_CTX* native() const { return native_; }
  /// Were certificates read with it by fewer decoders than the process has?
  bool is_own() const { return native_ != nullptr; }

 private:
  Library() = default;
  OSSL_LIB_CTX* native_ = nullptr;
  OSSL_PROVIDER* shown_ = nullptr;
};

}  // namespace countersign::tls
