#include "check/attempts.h"

#include <algorithm>
#include <chrono>

#include "check/observe.h"
#include "trust/verdict.h"

namespace countersign::check {
namespace {

using tls::Probe;

Attempt to_attempt(const http::Response& response) {
  Attempt attempt{.end = Attempt::End::answered, .status = response.status};
  attempt.body = crypto::sha256(base::as_bytes(response.body));
  attempt.location = plain(response.fields.find("Location").value_or(""), 200);
  // nginx: "No required SSL certificate was sent", "The SSL certificate error" (its own 495 and 496 become 400).
  attempt.says_certificate = response.body.find("SSL certificate") != std::string::npos;
  return attempt;
}

Attempt to_attempt(const base::Error& error) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> codes) {
    return std::ranges::find(codes, error.code) != codes.end();
  };
  Attempt attempt{.words = plain(error.detail, 200)};
  if (is_one_of({"tls.alert_received"})) attempt.end = Attempt::End::alert;
  if (is_one_of({"net.reset", "tls.truncated", "http.cut_off"})) attempt.end = Attempt::End::closed;
  if (is_one_of({"net.timeout", "http.head_timeout"})) attempt.end = Attempt::End::late;
  return attempt;
}

}  // namespace

/// A connection that goes on from one request to the next.
struct Caller::Line {
  std::optional<Probe> probe = {};
  std::optional<http::Client> client = {};
};

bool is_refusal_status(int status) {
  // 495 and 496 are nginx's own for a bad and a missing certificate.
  static constexpr int kRefusals[] = {400, 401, 403, 495, 496};
  return std::ranges::find(kRefusals, status) != std::end(kRefusals);
}

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_accepted(const std::optional<Attempt>& attempt) {
  if (!attempt || attempt->end != Attempt::End::answered || attempt->says_certificate) return false;
  // 400 may well be what the application makes of our request.
  return attempt->status == 400 || !is_refusal_status(attempt->status);
}

bool believes_server(const Target& target, const std::vector<x509::Certificate>& chain, base::Instant at) {
  const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = target.url.authority.host};
  return trust::verify_chain(chain, policy, *target.anchors, at).has_value();
}

ServerKind recognise(const http::Response& response, ServerKind known) {
  const auto server = response.fields.find("Server");
  if (server && (server->starts_with("nginx") || server->starts_with("openresty"))) return ServerKind::nginx;
  if (server && server->starts_with("Apache")) return ServerKind::httpd;
  if (response.body.find("Request forbidden by administrative rules") != std::string::npos) return ServerKind::haproxy;
  const bool like_node = !server && response.fields.find("Keep-Alive") == "timeout=5";
  return known == ServerKind::unknown && like_node ? ServerKind::node : known;
}

Probe::Options Caller::options(const tls::Credential* own) const {
  Probe::Options options{.to = target_.to(), .server_name = target_.url.authority.host, .own = own};
  if (own != nullptr && target_.asker != Asker::command)
    options.believes = [this](const auto& chain) { return believes_server(target_, chain, at_); };
  return options;
}

/// With a message, what comes with one of the sender's: a key of its own, or the answer would be one that the partner
/// remembers instead of deciding (docs/ehi.md).
http::Request Caller::request() {
  http::Request request;
  request.head = target_.request;
  request.body = target_.body;
  if (target_.message_key.empty()) return request;
  request.head.fields.set("Idempotency-Key", target_.message_key + "-" + std::to_string(++asked_));
  request.head.fields.set("X-Countersign-Attempt", "1");
  return request;
}

http::ClientOptions Caller::client_options() const {
  http::ClientOptions options;
  options.host = target_.url.host_field();
  options.response_bytes = kAnswerLimit;
  return options;
}

void Caller::notice(const http::Response& response) { server_ = recognise(response, server_); }

net::Task<base::Result<Probe, tls::ProbeFailure>> Caller::connect(Probe::Options options) {
  const bool is_ours = target_.own && options.own == &*target_.own;
  auto probe = co_await Probe::connect(loop_, std::move(options), soon());
  if (probe && is_ours && !probe->sighting().resumed) handshakes_.push_back(probe->sighting().took);
  co_return std::move(probe);
}

net::Task<Attempt> Caller::attempt(const tls::Credential* own) {
  Probe::Options with = options(own);
  auto probe = co_await connect(std::move(with));
  if (!probe) co_return to_attempt(probe.error().error);
  http::Client client(probe->stream(), client_options());
  http::Request question = request();
  auto response = co_await client.send(std::move(question), soon());
  asked_late_ = asked_late_ || probe->asked_late();
  if (!response) co_return to_attempt(response.error());
  notice(*response);
  co_await probe->stream().finish(soon());
  co_return to_attempt(*response);
}

net::Task<Resumption> Caller::resume(Probe::Version version, Probe::Tickets tickets) {
  Resumption outcome;
  Probe::Options with = options(&*target_.own);
  with.version = version;
  with.tickets = tickets;
  Probe::Options again = with;
  auto first = co_await connect(std::move(with));
  if (!first) co_return outcome;
  http::Client client(first->stream(), client_options());
  http::Request question = request();
  const auto response = co_await client.send(std::move(question), soon());
  if (!response) co_return outcome;
  outcome.tried = true;
  again.offered = first->session();
  co_await first->stream().finish(soon());  // else libssl would call the session spoilt
  outcome.handed_out = again.offered != nullptr;
  if (!outcome.handed_out) co_return outcome;
  auto second = co_await connect(std::move(again));
  outcome.resumed = second && second->sighting().resumed;
  if (second) co_await second->stream().finish(soon());
  co_return outcome;
}

/// Opens the line where it is not open, sends one request and waits for the whole answer.
net::Task<base::Result<void>> Caller::one_request(Line& line, Measured& measured) {
  const bool warm = line.client && line.client->reusable() && !line.probe->stream().has_unexpected_input();
  if (!warm) {
    line.client.reset();
    line.probe.reset();
    Probe::Options with = options(&*target_.own);
    auto probe = co_await connect(std::move(with));
    if (!probe) co_return base::unexpected(std::move(probe).error().error);
    line.probe.emplace(std::move(*probe));
    line.client.emplace(line.probe->stream(), client_options());
    ++measured.connections;
  }
  http::Request question = request();
  const auto begun = std::chrono::steady_clock::now();
  BASE_CO_TRY(const http::Response response, co_await line.client->send(std::move(question), soon()));
  (warm ? measured.warm : measured.cold)
      .push_back(std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - begun));
  notice(response);
  if (!is_success(response.status)) measured.error_status = response.status;
  co_return base::Result<void>();
}

net::Task<Measured> Caller::measure() {
  Measured measured;
  Line line;
  const net::Deadline enough = net::Deadline::earlier(net::Deadline::after(kMeasureTime), end_);
  bool failed_before = false;
  while (measured.warm.size() + measured.cold.size() < target_.requests && !enough.passed()) {
    const auto done = co_await one_request(line, measured);
    // A server may close a connection that it kept just as the next request goes out; twice in a row it does not.
    if (!done && failed_before) {
      measured.failed = plain(done.error().detail, 200);
      break;
    }
    failed_before = !done;
    if (!done) line.client.reset();
  }
  co_return std::move(measured);
}

}  // namespace countersign::check
