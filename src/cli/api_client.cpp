#include "cli/api_client.h"

#include <optional>

#include "cli/text.h"
#include "feed/judge_authority.h"
#include "http/client.h"
#include "net/loop.h"
#include "net/socket.h"
#include "tls/handshake.h"
#include "trust/verdict.h"

namespace countersign::cli {

struct ApiClient::Impl {
  struct Target {
    net::Endpoint authority;
    std::string server_name;
    base::Duration patience;
    tls::JudgeServer judge;
  };
  Target options;
  const Context& context;
  std::shared_ptr<const tls::ClientContext> tls_context;
  net::Loop loop;
  std::unique_ptr<net::Stream> stream = nullptr;
  std::optional<http::Client> client = std::nullopt;
  std::optional<base::Result<http::Response>> answer = std::nullopt;

  Impl(Target o, const Context& c, std::shared_ptr<const tls::ClientContext> t)
      : options(std::move(o)), context(c), tls_context(std::move(t)) {}

  net::Task<base::Result<void>> open(net::Deadline deadline);
  net::Task<base::Result<http::Response>> exchange(http::Request request, net::Deadline deadline);
  net::Task<void> run(http::Request request, net::Deadline deadline);
  base::Result<std::string> call(std::string method, std::string_view target, std::string body);
  base::Error explained(tls::HandshakeFailure failure) const;
  base::Error explained(base::Error error) const;
};

namespace {

base::Kind to_kind(int status) {
  switch (status) {
    case 401:
    case 403: return base::Kind::denied;
    case 404:
    case 410: return base::Kind::not_found;
    case 409: return base::Kind::conflict;
    case 413: return base::Kind::too_large;
    case 408:
    case 504: return base::Kind::timeout;
    case 429:
    case 502:
    case 503: return base::Kind::unavailable;
    default: return status >= 400 && status < 500 ? base::Kind::invalid : base::Kind::internal;
  }
}

base::Result<base::json::object> to_object(const std::string& body) {
  auto value = base::parse_json(body);
  if (value && value->is_object()) return value->get_object();
  return base::fail(base::Kind::corrupt, "authority.answer", "the authority's answer is no JSON object");
}

/// Takes the last certificate presented for an anchor: what holds is only that the server has a chain at all.
struct JudgeStranger {
  std::string host;
  const base::Clock* clock;

  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    auto own = trust::TrustSet::of_roots({presented.back()}, {});
    if (!own)
      return base::unexpected(
          trust::refuse(trust::Reason::unknown_issuer, presented.front(), 0, "the server sent no issuing CA"));
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = host};
    return trust::verify_chain(presented, policy, *own, clock->now());
  }
};

/// Why we did not believe a server, and what its owner can do about it.
base::Error to_error(const trust::Refusal& refusal) {
  const trust::Explanation& why = trust::explanation(refusal.reason);
  return {base::Kind::conflict, std::string(why.name),
          std::string(why.meaning) + " " + printable(refusal.detail) + ". For its owner: " + std::string(why.remedy)};
}

}  // namespace

base::Error problem_to_error(int status, std::string_view body) {
  const base::Kind kind = to_kind(status);
  base::Error error{kind, "authority.status_" + std::to_string(status),
                    "the authority answered with status " + std::to_string(status)};
  auto value = base::parse_json(body);
  if (!value || !value->is_object()) return error;
  const std::string code = member(value->get_object(), "code");
  const std::string detail = member(value->get_object(), "detail");
  if (!code.empty()) error.code = code;
  if (!detail.empty()) error.detail = detail;
  return error;
}

base::Error ApiClient::Impl::explained(tls::HandshakeFailure failure) const {
  const std::string where = options.authority.to_string();
  if (failure.refusal)
    return to_error(*failure.refusal)
        .under("authority.refused", "whoever answers at " + where + " did not prove to be this provider's authority");
  if (failure.alert_received)
    return {base::Kind::denied, "authority.refuses_us",
            "the authority at " + where + " ended the handshake with the alert '" + failure.alert_received->second +
                "': our certificate is not accepted there (revoked, expired, or of another provider)"};
  return std::move(failure.error)
      .under("authority.handshake", "no TLS connection with " + where + " came about: is it the authority's API?");
}

base::Error ApiClient::Impl::explained(base::Error error) const {
  const std::string where = options.authority.to_string();
  if (error.code == "net.connect" || error.code == "net.resolve")
    return std::move(error).under("authority.unreachable",
                                  "the authority at " + where +
                                      " is not there: start it with `countersign up`, or say where it is with "
                                      "--authority HOST:PORT");
  if (error.code == "tls.alert_received")
    return std::move(error).under(
        "authority.refuses_us",
        "the authority at " + where + " does not accept our certificate (revoked, expired, or of another provider)");
  return std::move(error).under("authority.call", "the call to the authority at " + where + " did not succeed");
}

net::Task<base::Result<void>> ApiClient::Impl::open(net::Deadline deadline) {
  net::Endpoint to = options.authority;
  auto socket = co_await net::Socket::connect(loop, std::move(to), deadline);
  if (!socket) co_return base::unexpected(explained(std::move(socket).error()));
  tls::JudgeServer judge = options.judge;
  std::string name = options.server_name;
  auto connection =
      co_await tls::Handshake::connect(std::move(*socket), tls_context, std::move(name), std::move(judge), deadline);
  if (!connection) co_return base::unexpected(explained(std::move(connection).error()));
  client.reset();
  stream = std::move(connection->stream);
  http::ClientOptions client_options;
  client_options.host = options.authority.to_string();
  client.emplace(*stream, std::move(client_options));
  co_return base::Result<void>();
}

net::Task<base::Result<http::Response>> ApiClient::Impl::exchange(http::Request request, net::Deadline deadline) {
  const bool usable = client && client->reusable() && !stream->has_unexpected_input();
  if (!usable) {
    auto opened = co_await open(deadline);
    if (!opened) co_return base::unexpected(std::move(opened).error());
  }
  auto response = co_await client->send(std::move(request), deadline);
  if (response) co_return std::move(*response);
  client.reset();
  co_return base::unexpected(explained(std::move(response).error()));
}

net::Task<void> ApiClient::Impl::run(http::Request request, net::Deadline deadline) {
  answer = co_await exchange(std::move(request), deadline);
  loop.stop();
}

base::Result<std::string> ApiClient::Impl::call(std::string method, std::string_view target, std::string body) {
  http::Request request;
  request.head.method = std::move(method);
  request.head.target = std::string(target);
  if (!body.empty()) request.head.fields.set("Content-Type", "application/json");
  request.body = std::move(body);
  answer.reset();
  net::spawn(loop, run(std::move(request), net::Deadline::after(options.patience)), "api call", context.log);
  loop.run();
  if (!answer)
    return base::fail(base::Kind::internal, "authority.call", "the call to the authority was given up; this is a bug");
  if (!*answer) return base::unexpected(std::move(*answer).error());
  http::Response& response = **answer;
  if (response.status >= 200 && response.status < 300) return std::move(response.body);
  return base::unexpected(problem_to_error(response.status, response.body));
}

base::Result<ApiClient> ApiClient::make(Options options, const Context& context) {
  if (options.server_name.empty()) options.server_name = options.authority.host;
  BASE_TRY(auto tls_context, tls::ClientContext::make(options.credential));
  auto trust = std::make_shared<const trust::TrustSet>(std::move(options.trust));
  feed::JudgeAuthority judge{std::move(trust), options.server_name, &context.clock};
  Impl::Target target{std::move(options.authority), std::move(options.server_name), options.patience, std::move(judge)};
  return ApiClient(std::make_unique<Impl>(std::move(target), context, std::move(tls_context)));
}

base::Result<std::string> get_from_stranger(net::Endpoint authority, std::string_view target, const Context& context) {
  BASE_TRY(auto tls_context, tls::ClientContext::make(nullptr));
  JudgeStranger judge{authority.host, &context.clock};
  std::string name = authority.host;
  ApiClient::Impl::Target whom{std::move(authority), std::move(name), kPatience, std::move(judge)};
  ApiClient::Impl stranger(std::move(whom), context, std::move(tls_context));
  return stranger.call("GET", target, "");
}

ApiClient::ApiClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiClient::~ApiClient() = default;
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;

const net::Endpoint& ApiClient::authority() const { return impl_->options.authority; }

base::Result<base::json::object> ApiClient::get(std::string_view target) {
  BASE_TRY(const std::string body, impl_->call("GET", target, ""));
  return to_object(body);
}

base::Result<base::json::object> ApiClient::post(std::string_view target, const base::json::object& body) {
  BASE_TRY(const std::string answer, impl_->call("POST", target, base::json::serialize(body)));
  return to_object(answer);
}

base::Result<std::string> ApiClient::get_text(std::string_view target) { return impl_->call("GET", target, ""); }

}  // namespace countersign::cli
