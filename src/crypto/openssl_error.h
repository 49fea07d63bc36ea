// What libcrypto says went wrong, drained from this thread's queue.
//
// Whoever lets a libcrypto call fail takes or drops what it left there: TLS reads the same queue.
#pragma once

#include <string>

#include "base/error.h"

namespace countersign::crypto {

/// Takes every entry off the queue; "no reason given" when it was empty.
std::string take_openssl_errors();
/// Empties the queue after a failure that needs no words.
void drop_openssl_errors();
/// An Error whose detail ends in take_openssl_errors().
base::Error openssl_error(base::Kind kind, std::string code, std::string detail);

}  // namespace countersign::crypto
