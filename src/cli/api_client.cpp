#include "cli/api_client.h"

#include <optional>

#include "net/loop.h"
#include "trust/verdict.h"

namespace countersign::cli {

struct ApiClient::Impl {
  const Context& context;
  base::Duration patience;
  net::Loop loop;
  ApiConnection connection;
  std::optional<base::Result<ApiAnswer>> answer = std::nullopt;

  Impl(ApiConnection::Target target, base::Duration p, const Context& c)
      : context(c), patience(p), connection(loop, std::move(target)) {}

  net::Task<void> run(http::Request request, net::Deadline deadline);
  base::Result<ApiAnswer> call(std::string_view target, std::string body);
};

namespace {

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

}  // namespace

net::Task<void> ApiClient::Impl::run(http::Request request, net::Deadline deadline) {
  answer = co_await connection.call(std::move(request), deadline);
  loop.stop();
}

base::Result<ApiAnswer> ApiClient::Impl::call(std::string_view target, std::string body) {
  answer.reset();
  http::Request request = to_request(target, std::move(body));
  net::spawn(loop, run(std::move(request), net::Deadline::after(patience)), "api call", context.log);
  loop.run();
  if (answer) return std::move(*answer);
  return base::fail(base::Kind::internal, "authority.call", "the call to the authority was given up; this is a bug");
}

base::Result<ApiClient> ApiClient::make(Options options, const Context& context) {
  const base::Duration patience = options.patience;
  ApiConnection::Options whom{std::move(options.authority), std::move(options.trust), options.credential,
                              std::move(options.server_name), options.door};
  BASE_TRY(auto target, ApiConnection::believe_authority(std::move(whom), context.clock));
  return ApiClient(std::make_unique<Impl>(std::move(target), patience, context));
}

base::Result<std::string> get_from_stranger(net::Endpoint authority, std::string_view target, const Context& context) {
  BASE_TRY(auto tls_context, tls::ClientContext::make(nullptr));
  JudgeStranger judge{authority.host, &context.clock};
  std::string name = authority.host;
  ApiConnection::Target whom{std::move(authority), std::move(name), std::move(judge), std::move(tls_context)};
  ApiClient::Impl stranger(std::move(whom), kPatience, context);
  BASE_TRY(ApiAnswer answer, stranger.call(target, ""));
  return std::move(answer.body);
}

ApiClient::ApiClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiClient::~ApiClient() = default;
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;

const net::Endpoint& ApiClient::authority() const { return impl_->connection.authority(); }

base::Result<base::json::object> ApiClient::get(std::string_view target) {
  BASE_TRY(const ApiAnswer answer, impl_->call(target, ""));
  return to_object(answer.body);
}

base::Result<base::json::object> ApiClient::post(std::string_view target, const base::json::object& body) {
  BASE_TRY(const ApiAnswer answer, impl_->call(target, base::json::serialize(body)));
  return to_object(answer.body);
}

base::Result<ApiAnswer> ApiClient::post_for_answer(std::string_view target, const base::json::object& body) {
  return impl_->call(target, base::json::serialize(body));
}

base::Result<std::string> ApiClient::get_text(std::string_view target) {
  BASE_TRY(ApiAnswer answer, impl_->call(target, ""));
  return std::move(answer.body);
}

}  // namespace countersign::cli
