// Whatever is sent as a JWK Set (RFC 7517 section 5): an error or keys, never a crash. Each that is taken would be
// taken alone; none comes out of a set with a private key in it; and the set of what was taken reads the same.
#include "base/check.h"
#include "jose/jwk_set.h"

namespace {

using namespace countersign;

void look_at(const jose::JwkSet& set, const base::json::array& sent) {
  BASE_CHECK(sent.size() <= jose::kKeysLimit && set.keys().size() <= sent.size());
  std::size_t taken = 0;
  for (const auto& one : sent) {
    BASE_CHECK(one.is_object() && !one.get_object().contains("d") && !one.get_object().contains("k"));
    if (const auto key = jose::Jwk::parse(one)) BASE_CHECK(key->thumbprint() == set.keys()[taken++].thumbprint());
  }
  BASE_CHECK(taken == set.keys().size());
  base::json::array again;
  for (const jose::Jwk& key : set.keys())
    again.emplace_back(key.to_json());
  const auto read = jose::JwkSet::parse(base::json::object{{"keys", std::move(again)}});
  BASE_CHECK(read && read->keys().size() == set.keys().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto json = base::parse_json(base::as_text({data, size}));
  if (!json) return 0;
  const auto set = jose::JwkSet::parse(*json);
  if (set) look_at(*set, json->at("keys").as_array());
  else BASE_CHECK(set.error().code == "jwk.malformed" || set.error().code == "jwk.private");
  return 0;
}
