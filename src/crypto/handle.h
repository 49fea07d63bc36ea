// One-line move-only owners of libcrypto objects: `using EvpKey = Handle<EVP_PKEY, EVP_PKEY_free>;`
#pragma once

#include <memory>

namespace countersign::crypto {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

}  // namespace countersign::crypto
