// What libcrypto says went wrong, drained from this thread's queue.
#pragma once

#include <string>

#include "base/error.h"

namespace countersign::crypto {

/// Takes every entry off the queue; "no reason given" when it was empty.
std::string take_openssl_errors();
/// An Error whose detail ends in take_openssl_errors().
base::Error openssl_error(base::Kind kind, std::string code, std::string detail);

}  // namespace countersign::crypto
