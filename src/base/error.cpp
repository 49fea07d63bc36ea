#include "base/error.h"

#include "base/check.h"

namespace countersign::base {

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::invalid: return "invalid";
    case Kind::denied: return "denied";
    case Kind::not_found: return "not_found";
    case Kind::conflict: return "conflict";
    case Kind::too_large: return "too_large";
    case Kind::timeout: return "timeout";
    case Kind::unavailable: return "unavailable";
    case Kind::corrupt: return "corrupt";
    case Kind::internal: return "internal";
  }
  BASE_UNREACHABLE();
}

Error Error::under(std::string outer_code, std::string outer_detail) && {
  const Kind outer_kind = kind;
  return Error{outer_kind, std::move(outer_code), std::move(outer_detail),
               std::make_shared<const Error>(std::move(*this))};
}

std::string to_string(const Error& error) {
  std::string text = error.detail + " (" + error.code + ")";
  for (const Error* cause = error.cause.get(); cause != nullptr; cause = cause->cause.get())
    text += ": " + cause->detail + " (" + cause->code + ")";
  return text;
}

}  // namespace countersign::base
