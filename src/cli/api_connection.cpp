#include "cli/api_connection.h"

#include <algorithm>
#include <charconv>

#include "cli/text.h"
#include "feed/judge_authority.h"
#include "net/loop.h"
#include "net/socket.h"
#include "trust/reason.h"

namespace countersign::cli {
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

constexpr std::int64_t kLongestWaitSeconds = 24 * 3600;

/// Seconds only, as the authority writes it; a date counts as none.
base::Duration retry_after_in(const http::Fields& fields) {
  const std::string_view text = fields.find("Retry-After").value_or("");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return {};
  return std::chrono::seconds(std::min(seconds, kLongestWaitSeconds));
}

/// Why we did not believe the authority, or the gateway, and who can do what about it.
base::Error to_error(const trust::Refusal& refusal) {
  const trust::Explanation& why = trust::explanation(refusal.reason);
  return {base::Kind::conflict, std::string(why.name),
          std::string(why.meaning) + " " + printable(refusal.detail) + ". " +
              std::string(why.remedy(trust::Party::platform))};
}

constexpr const char* kAlert = "tls.alert_received";

/// What an alert about our certificate says of it (RFC 8446 section 6.2).
std::string meaning_of(std::string_view alert) {
  static constexpr std::pair<std::string_view, std::string_view> kMeanings[] = {
      {"certificate_revoked", "it was revoked"},
      {"certificate_expired", "it has ended"},
      {"certificate_unknown", "the application is suspended, or the certificate is not known there"},
      {"unknown_ca", "it comes from another provider, or is of another environment"},
      {"unsupported_certificate", "it was issued for something else"},
      {"certificate_required", "a certificate is demanded, and none was shown"}};
  for (const auto& [name, meaning] : kMeanings)
    if (alert.find(name) != std::string_view::npos) return std::string(meaning);
  return "revoked, ended, or of another provider";
}

/// The one judgement of an address that is not the authority's, whether its certificate or its demand gave it away.
base::Error not_the_authority(const std::string& where) {
  return {base::Kind::conflict, "authority.another_server",
          "whoever answers at " + where +
              " is not the authority's API but another server, such as the gateway: nothing was sent to it"};
}

}  // namespace

base::Error problem_to_error(int status, std::string_view body) {
  const base::Kind kind = to_kind(status);
  base::Error error{kind, "authority.status_" + std::to_string(status),
                    "the authority answered with status " + std::to_string(status)};
  auto value = base::parse_json(body);
  if (!value || !value->is_object()) return error;
  const std::string code = member(value->get_object(), "code");
  std::string detail = member(value->get_object(), "detail");
  if (detail.empty()) detail = member(value->get_object(), "error_description");  // RFC 6749 section 5.2
  if (!code.empty()) error.code = code;
  if (!detail.empty()) error.detail = detail;
  return error;
}

std::string ApiConnection::code(std::string_view what) const {
  return std::string(target_.door.codes) + "." + std::string(what);
}

base::Error ApiConnection::refused_by(std::string_view alert) const {
  std::string said = "the " + std::string(target_.door.who) + " at " + target_.authority.to_string() +
                     " does not accept our certificate: " + meaning_of(alert);
  return {base::Kind::denied, std::string(target_.door.refuses_us), std::move(said)};
}

base::Error ApiConnection::explained(tls::HandshakeFailure failure) const {
  const std::string where = target_.authority.to_string();
  if (failure.refusal && feed::is_another_server(*failure.refusal)) return not_the_authority(where);
  if (failure.refusal)
    return to_error(*failure.refusal)
        .under(code("refused"),
               "whoever answers at " + where + " did not prove to be this provider's " + std::string(target_.door.who));
  if (failure.alert_received) return explained(base::Error{base::Kind::denied, kAlert, failure.alert_received->second});
  return std::move(failure.error)
      .under(code("handshake"), "no TLS connection with " + where + " came about: is it the " +
                                    std::string(target_.door.who) +
                                    (target_.door.codes == "authority" ? "'s API?" : "?"));
}

base::Error ApiConnection::explained(base::Error error) const {
  const std::string where = target_.authority.to_string();
  const std::string who(target_.door.who);
  if (error.code == "net.connect" || error.code == "net.resolve")
    return std::move(error).under(code("unreachable"),
                                  "the " + who + " at " + where + " is not there: " + std::string(target_.door.where));
  // The authority's API asks nobody for a certificate that has none (RFC 8446 section 6.2: certificate_required).
  if (error.code == kAlert && error.detail.find("certificate_required") != std::string::npos &&
      target_.door.codes == kAuthorityDoor.codes)
    return not_the_authority(where);
  if (error.code == kAlert) {
    base::Error refused = refused_by(error.detail);
    return std::move(error).under(std::move(refused.code), std::move(refused.detail));
  }
  return std::move(error).under(code("call"), "the call to the " + who + " at " + where + " did not succeed");
}

net::Task<base::Result<void>> ApiConnection::open(net::Deadline deadline) {
  net::Endpoint to = target_.authority;
  auto socket = co_await net::Socket::connect(loop_, std::move(to), deadline);
  if (!socket) co_return base::unexpected(explained(std::move(socket).error()));
  tls::JudgeServer judge = target_.judge;
  std::string name = target_.server_name;
  auto connection =
      co_await tls::Handshake::connect(std::move(*socket), target_.own, std::move(name), std::move(judge), deadline);
  if (!connection) co_return base::unexpected(explained(std::move(connection).error()));
  client_.reset();
  stream_ = std::move(connection->stream);
  http::ClientOptions client_options;
  client_options.host = target_.authority.to_string();
  client_.emplace(*stream_, std::move(client_options));
  co_return base::Result<void>();
}

net::Task<base::Result<ApiAnswer>> ApiConnection::call(http::Request request, net::Deadline deadline) {
  const bool usable = client_ && client_->reusable() && !stream_->has_unexpected_input();
  if (!usable) {
    auto opened = co_await open(deadline);
    if (!opened) co_return base::unexpected(std::move(opened).error());
  }
  auto response = co_await client_->send(std::move(request), deadline);
  if (!response) {
    client_.reset();
    co_return base::unexpected(explained(std::move(response).error()));
  }
  if (response->status < 200 || response->status >= 300)
    co_return base::unexpected(problem_to_error(response->status, response->body));
  const base::Duration retry_after = retry_after_in(response->fields);
  co_return ApiAnswer{response->status, std::move(response->body), retry_after};
}

base::Result<ApiConnection::Target> ApiConnection::believe_authority(Options options, const base::Clock& clock) {
  if (options.server_name.empty()) options.server_name = options.authority.host;
  BASE_TRY(auto own, tls::ClientContext::make(options.credential));
  auto trust = std::make_shared<const trust::TrustSet>(std::move(options.trust));
  feed::JudgeAuthority judge{std::move(trust), options.server_name, &clock};
  return Target{std::move(options.authority), std::move(options.server_name), std::move(judge), std::move(own),
                options.door};
}

http::Request to_request(std::string_view target, std::string json_body) {
  http::Request request;
  request.head.method = json_body.empty() ? "GET" : "POST";
  request.head.target = std::string(target);
  if (!json_body.empty()) request.head.fields.set("Content-Type", "application/json");
  request.body = std::move(json_body);
  return request;
}

base::Result<base::json::object> to_object(const std::string& body) {
  auto value = base::parse_json(body);
  if (value && value->is_object()) return value->get_object();
  return base::fail(base::Kind::corrupt, "authority.answer", "the authority's answer is no JSON object");
}

}  // namespace countersign::cli
