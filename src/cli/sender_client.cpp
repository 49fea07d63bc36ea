#include "cli/sender_client.h"

#include "cli/api_client.h"
#include "net/loop.h"
#include "trust/verdict.h"

namespace countersign::cli {
namespace {

constexpr std::string_view kSenderUrn = "urn:countersign:internal:service:ehi";
constexpr std::string_view kAuthorityPrefix = "authority.";

struct JudgeSender {
  std::shared_ptr<const trust::TrustSet> trust;
  std::string host;
  const base::Clock* clock;

  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = host};
    auto chain = trust::verify_chain(presented, policy, *trust, clock->now());
    if (!chain) return chain;
    const std::string urn = chain->identity() ? chain->identity()->to_urn() : "";
    if (urn == kSenderUrn || urn.starts_with(std::string(kSenderUrn) + "-")) return chain;
    return base::unexpected(trust::refuse(trust::Reason::wrong_name, chain->leaf(), 0,
                                          "the server is no sender: its certificate lacks " + std::string(kSenderUrn)));
  }
};

std::string words_for(std::string_view what, const std::string& where) {
  if (what == "unreachable")
    return "the EHI sender at " + where + " is not there: start it, or say where it is with --sender HOST:PORT";
  if (what == "refused") return "whoever answers at " + where + " did not prove to be an EHI sender of this provider";
  if (what == "refuses_us")
    return "the EHI sender at " + where + " does not accept our certificate (revoked, expired, or of another provider)";
  if (what == "handshake") return "no TLS connection with " + where + " came about: is it an EHI sender?";
  return "the call to the EHI sender at " + where + " did not succeed";
}

/// An ApiConnection speaks of the authority.
base::Error reworded(base::Error error, const std::string& where) {
  if (!error.code.starts_with(kAuthorityPrefix)) return error;
  const std::string what = error.code.substr(kAuthorityPrefix.size());
  error.code = "sender." + what;
  error.detail =
      what.starts_with("status_") ? "the EHI sender answered with status " + what.substr(7) : words_for(what, where);
  return error;
}

}  // namespace

struct SenderClient::Impl {
  const Context& context;
  net::Loop loop;
  ApiConnection connection;
  std::optional<base::Result<ApiAnswer>> answer = std::nullopt;

  Impl(ApiConnection::Target target, const Context& c) : context(c), connection(loop, std::move(target)) {}

  net::Task<void> run(http::Request request, net::Deadline deadline) {
    answer = co_await connection.call(std::move(request), deadline);
    loop.stop();
  }
  base::Result<std::string> call(http::Request request) {
    answer.reset();
    net::spawn(loop, run(std::move(request), net::Deadline::after(kPatience)), "sender call", context.log);
    loop.run();
    if (!answer) return base::fail(base::Kind::internal, "sender.call", "the call was given up; this is a bug");
    if (!*answer) return base::unexpected(reworded(std::move(*answer).error(), connection.authority().to_string()));
    return std::move((*answer)->body);
  }
};

base::Result<SenderClient> SenderClient::make(Options options, const Context& context) {
  BASE_TRY(auto own, tls::ClientContext::make(options.credential));
  auto trust = std::make_shared<const trust::TrustSet>(std::move(options.trust));
  std::string host = options.sender.host;
  JudgeSender judge{std::move(trust), host, &context.clock};
  ApiConnection::Target target{std::move(options.sender), std::move(host), std::move(judge), std::move(own)};
  return SenderClient(std::make_unique<Impl>(std::move(target), context));
}

SenderClient::SenderClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SenderClient::~SenderClient() = default;
SenderClient::SenderClient(SenderClient&&) noexcept = default;

base::Result<base::json::object> SenderClient::get(std::string_view target) {
  BASE_TRY(const std::string body, impl_->call(to_request(target, "")));
  return to_object(body);
}

base::Result<base::json::object> SenderClient::post(std::string_view target) {
  BASE_TRY(const std::string body, impl_->call(to_request(target, "{}")));
  return to_object(body);
}

base::Result<void> SenderClient::remove(std::string_view target) {
  http::Request request = to_request(target, "");
  request.head.method = "DELETE";
  const auto answered = impl_->call(std::move(request));
  if (!answered) return base::unexpected(answered.error());
  return {};
}

}  // namespace countersign::cli
