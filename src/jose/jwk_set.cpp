#include "jose/jwk_set.h"

namespace countersign::jose {
namespace {

using base::Kind;

tl::unexpected<base::Error> malformed(std::string_view what) {
  return base::fail(Kind::invalid, "jwk.malformed", "this is no JWK Set: " + std::string(what));
}

}  // namespace

base::Result<JwkSet> JwkSet::parse(const base::json::value& json) {
  const auto* list = json.is_object() ? json.get_object().if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array()) return malformed("it has no list 'keys'");
  if (list->get_array().size() > kKeysLimit) return malformed("it has more than 256 keys");
  std::vector<Jwk> keys;
  for (const auto& one : list->get_array()) {
    if (!one.is_object()) return malformed("something in 'keys' is no object");
    auto key = Jwk::parse(one);
    if (key) keys.push_back(std::move(*key));
    else if (key.error().code == "jwk.private") return base::unexpected(std::move(key).error());
  }
  return JwkSet(std::move(keys));
}

}  // namespace countersign::jose
