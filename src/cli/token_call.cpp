#include "cli/token_call.h"

#include <algorithm>

#include "base/files.h"
#include "crypto/digest.h"
#include "net/loop.h"

namespace countersign::cli {
namespace {

constexpr base::Duration kPatience = std::chrono::seconds(15);
/// A token that is given out must be good for the call that follows.
constexpr base::Duration kNearEnd = std::chrono::minutes(1);
constexpr std::size_t kTokenFileLimit = 64 * 1024;

/// Who answers must have a server certificate for the host, under the trust chain; which of the provider's it is does
/// not matter: it is not the authority that is called, but a gateway.
struct JudgeGateway {
  std::shared_ptr<const trust::TrustSet> trust;
  std::string host;
  const base::Clock* clock;

  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = host};
    return trust::verify_chain(presented, policy, *trust, clock->now());
  }
};

std::string endpoint_of(const TokenWish& wish) {
  return wish.endpoint.empty() ? wish.issuer + "/oauth2/token" : wish.endpoint;
}

base::Result<Token> read_answer(const std::string& body, base::Instant asked) {
  BASE_TRY(const base::json::object answer, to_object(body));
  const auto* token = answer.if_contains("access_token");
  const auto* life = answer.if_contains("expires_in");
  const auto* scope = answer.if_contains("scope");
  if (token == nullptr || !token->is_string() || life == nullptr || !life->is_int64() || life->get_int64() < 0)
    return base::fail(base::Kind::corrupt, "token.answer", "the answer of the token endpoint has no token in it");
  Token got{base::Secret(std::string_view(token->get_string())), asked + std::chrono::seconds(life->get_int64()), ""};
  if (scope != nullptr && scope->is_string()) got.scope = std::string(scope->get_string());
  return got;
}

net::Task<void> call_once(ApiConnection& connection, http::Request request, net::Deadline deadline, net::Loop& loop,
                          std::optional<base::Result<ApiAnswer>>& answer) {
  answer = co_await connection.call(std::move(request), deadline);
  loop.stop();
}

}  // namespace

base::Result<Token> call_token_endpoint(TokenCall call, const Context& context) {
  const auto url = http::Url::parse(endpoint_of(call.wish));
  if (!url || !url->secure)
    return base::fail(base::Kind::invalid, "token.endpoint",
                      "'" + endpoint_of(call.wish) + "' is no https URL: name the provider's issuer with --issuer");
  BASE_TRY(auto own, tls::ClientContext::make(&call.transport));
  auto trust = std::make_shared<const trust::TrustSet>(std::move(call.trust));
  JudgeGateway judge{std::move(trust), url->authority.host, &context.clock};
  ApiConnection::Target target{url->authority, url->authority.host, std::move(judge), std::move(own), kGatewayDoor};
  net::Loop loop;
  ApiConnection connection(loop, std::move(target));
  http::Request request;
  request.head.method = "POST";
  request.head.target = url->target;
  request.head.fields.set("Content-Type", "application/x-www-form-urlencoded");
  request.head.fields.set("Accept", "application/json");
  request.body = std::move(call.form);
  const base::Instant asked = context.clock.now();
  std::optional<base::Result<ApiAnswer>> answer;
  net::spawn(loop, call_once(connection, std::move(request), net::Deadline::after(kPatience), loop, answer),
             "token call", context.log);
  loop.run();
  if (!answer) return base::fail(base::Kind::internal, "token.answer", "the call was given up; this is a bug");
  if (!*answer) return base::unexpected(std::move(*answer).error());
  return read_answer((*answer)->body, asked);
}

std::filesystem::path token_file(const std::filesystem::path& folder, const TokenWish& wish,
                                 const x509::Certificate& transport) {
  constexpr std::size_t kDigits = 16;
  std::string all = base::to_hex(transport.fingerprint()) + "\n" + wish.issuer + "\n" + wish.scope;
  for (const std::string& resource : wish.resources)
    all += "\n" + resource;
  return folder / ("token-" + base::to_hex(crypto::sha256(base::as_bytes(all))).substr(0, kDigits) + ".json");
}

std::optional<Token> kept_token(const std::filesystem::path& file, base::Instant now) {
  const auto text = base::read_secret_file(file, kTokenFileLimit);
  const auto json = text ? base::parse_json(text->reveal_text()) : base::Result<base::json::value>(base::json::value());
  if (!json || !json->is_object()) return std::nullopt;
  auto reader = base::JsonReader::of(*json);
  const auto token = reader->text("access_token");
  const auto got = reader->integer("got");
  const auto expires = reader->integer("expires");
  const auto scope = reader->text_or("scope", "");
  if (!token || !got || !expires || !scope || *expires <= *got) return std::nullopt;
  const base::Duration life = std::chrono::seconds(*expires - *got);
  const base::Instant end = base::Instant::from_unix_seconds(*expires);
  // A clock that was put back makes no token young again.
  if (now < base::Instant::from_unix_seconds(*got) || now >= end - std::min(kNearEnd, life / 4)) return std::nullopt;
  return Token{base::Secret(std::string_view(*token)), end, *scope};
}

base::Result<void> keep_token(const std::filesystem::path& file, const Token& token, base::Instant now) {
  const base::json::object json{{"access_token", token.text.reveal_text()},
                                {"got", now.unix_seconds()},
                                {"expires", token.expires.unix_seconds()},
                                {"scope", token.scope}};
  return base::write_file(file, base::json::serialize(json) + "\n", base::FileMode::owner_only);
}

}  // namespace countersign::cli
