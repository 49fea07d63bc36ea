// The OpenAPI document of the public API: openapi.json beside this, taken into the program when it is built. It says of
// every route in routes.h who may call it, what it takes, and what it answers; openapi_test.cpp holds it against them.
// Not in it: the internal API, and what other standards describe (EST, ACME, OCSP, CRLs).
#pragma once

#include <string_view>

namespace countersign::authority {

/// JSON, OpenAPI 3.1.0. Lives as long as the program.
std::string_view openapi_document();

}  // namespace countersign::authority
