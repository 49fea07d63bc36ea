// Whatever is sent as an assertion, an access token, a form or a message of the relay: a refusal of the closed list or
// something whole, never a crash. No token is good that the key did not sign.
#include "base/check.h"
#include "oauth/access_token.h"
#include "oauth/assertion.h"
#include "oauth/client_credentials.h"
#include "oauth/relay.h"

namespace {

using namespace countersign;

constexpr base::Instant kNow = base::Instant::from_unix_seconds(1'781'524'800);

const jose::Jwk& some_key() {
  static const jose::Jwk key =
      jose::Jwk::from(crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value().public_key()).value();
  return key;
}

void look_at_jwt(std::string_view text) {
  const std::vector<oauth::ClientKey> keys{{some_key(), "x5t", oauth::ClientKey::Use::signing}};
  const oauth::AssertionRules rules{.client = "production.acme.shop", .audiences = {"https://auth.example"}};
  BASE_CHECK(!oauth::verify_assertion(text, keys, rules, kNow));
  static const oauth::KeyRing ring({{"k1", "https://auth.example", some_key(), kNow + std::chrono::hours(1)}}, {}, {});
  BASE_CHECK(!oauth::check_token(text, ring, kNow));
}

void look_at_form(std::string_view text) {
  const auto form = oauth::Form::parse("application/x-www-form-urlencoded", text);
  if (!form) return;
  const std::size_t space = text.find('\n');
  const auto shown = oauth::read_credentials(std::string(text.substr(0, space)), *form);
  if (shown) (void)oauth::name(shown->method());
  if (const auto scopes = oauth::Scopes::parse(form->find("scope").value_or(""))) {
    const auto again = oauth::Scopes::parse(scopes->text());
    BASE_CHECK(again && *again == *scopes);
  }
}

void look_at_relay(std::string_view text) {
  const auto json = base::parse_json(text);
  if (json) {
    const auto call = oauth::relayed_call(*json);
    if (call) BASE_CHECK(oauth::relayed_call(oauth::to_json(*call)).has_value());
  }
  (void)oauth::relayed_answer(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  look_at_jwt(text);
  look_at_form(text);
  look_at_relay(text);
  return 0;
}
