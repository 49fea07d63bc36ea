#include "crypto/openssl_error.h"

#include <openssl/err.h>

namespace countersign::crypto {

std::string take_openssl_errors() {
  std::string text;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    const char* reason = ERR_reason_error_string(code);
    if (!text.empty()) text += "; ";
    text += reason != nullptr ? std::string(reason) : "error " + std::to_string(code);
    if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') text += " (" + std::string(data) + ")";
  }
  return text.empty() ? "no reason given" : text;
}

void drop_openssl_errors() { ERR_clear_error(); }

base::Error openssl_error(base::Kind kind, std::string code, std::string detail) {
  return {kind, std::move(code), std::move(detail) + ": " + take_openssl_errors()};
}

}  // namespace countersign::crypto
