// Lists of keys: what is taken of them, what is passed over, and what spoils them.
#include "jose/jwk_set.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::jose {
namespace {

const std::string kEd = R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
const std::string kEc = R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                        R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"1","use":"sig"})";

std::string list(const std::string& keys) { return R"({"keys":[)" + keys + "]}"; }

/// "2" for two keys, or the code.
std::string outcome(const std::string& text) {
  const auto set = JwkSet::parse(base::parse_json(text).value());
  return set ? std::to_string(set->keys().size()) : set.error().code;
}

TEST(JwkSet, TakesTheKeysThatSign) {
  struct Row {
    const char* what;
    std::string text;
    const char* outcome;
  };
  std::string most = kEd;
  for (std::size_t i = 1; i < kKeysLimit; ++i)
    most += ",{}";
  for (const Row& row : {
           Row{"none", list(""), "0"},
           Row{"two", list(kEc + "," + kEd), "2"},
           Row{"the same one twice", list(kEd + "," + kEd), "2"},
           Row{"with members about it", R"({"issuer":"x","keys":[)" + kEd + "]}", "1"},
           Row{"one for encryption beside", list(R"({"kty":"EC","use":"enc"},)" + kEd), "1"},
           Row{"a kind nobody knows beside", list(R"({"kty":"AKP","alg":"ML-DSA-44","pub":"x"},)" + kEd), "1"},
           Row{"a broken one beside", list(R"({"kty":"OKP","crv":"Ed25519","x":"!"},)" + kEd), "1"},
           Row{"as many as there may be", list(most), "1"},
           Row{"one more", list(most + ",{}"), "jwk.malformed"},
           Row{"a private one beside", list(kEd + R"(,{"kty":"OKP","crv":"Ed25519","x":"x","d":"x"})"), "jwk.private"},
           Row{"a secret", list(R"({"kty":"oct","k":"AAAA"})"), "jwk.private"},
           Row{"a text in between", list(kEd + ",\"x\""), "jwk.malformed"},
           Row{"no list", R"({"keys":{}})", "jwk.malformed"},
           Row{"a key alone", kEd, "jwk.malformed"},
           Row{"a list alone", "[" + kEd + "]", "jwk.malformed"},
       })
    EXPECT_EQ(outcome(row.text), row.outcome) << row.what;
}

TEST(JwkSet, KeepsTheirOrder) {
  const auto set = JwkSet::parse(base::parse_json(list(kEd + "," + kEc)).value());
  ASSERT_TRUE(set);
  EXPECT_EQ(set->keys().front().algorithm(), Algorithm::eddsa);
  EXPECT_EQ(set->keys().back().algorithm(), Algorithm::es256);
}

}  // namespace
}  // namespace countersign::jose
