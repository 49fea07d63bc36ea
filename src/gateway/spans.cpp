// What a request and a refused handshake look like to OpenTelemetry: semantic conventions for HTTP server spans, for
// TLS, and a few words of our own under `countersign.`.
#include "gateway/spans.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "gateway/visit.h"

namespace countersign::gateway {
namespace {

constexpr int kServerError = 500;
/// RFC 9110 section 9, and PATCH: a client's own invention would make as many names of spans as it likes.
constexpr std::array<std::string_view, 9> kMethods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                      "CONNECT", "OPTIONS", "TRACE", "PATCH"};

bool is_known(std::string_view method) { return std::ranges::find(kMethods, method) != kMethods.end(); }

/// "TLSv1.3" in the words of the conventions.
std::string_view number_of(std::string_view version) {
  return version.starts_with("TLSv") ? version.substr(4) : version;
}

/// `HOST` and `PORT` of a Host field.
void say_server(SpanAttributes& attributes, std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
  attributes.text("server.address", has_port ? host.substr(0, colon) : host);
}

void say_client(SpanAttributes& attributes, const net::Endpoint& client) {
  attributes.text("client.address", client.host).number("client.port", client.port);
}

/// The digits behind "00-" TRACE "-" of what a caller sent.
std::string_view parent_in(const http::Fields& fields) {
  constexpr std::size_t kParentAt = 36;
  return std::string_view(*fields.find("traceparent")).substr(kParentAt, 16);
}

/// `tracestate`, where it is one field of a reasonable length (Trace Context section 3.3.1.5).
std::string_view state_in(const http::Fields& fields) {
  constexpr std::size_t kLongestState = 512;
  const auto state = fields.find("tracestate");
  const bool usable = state && fields.count("tracestate") == 1 && state->size() <= kLongestState;
  return usable ? std::string_view(*state) : std::string_view();
}

}  // namespace

/// What all spans of the connection say: put together once, and only where there are any.
const SpanAttributes& Visit::connection_attributes() {
  if (!span_attributes_.json().empty()) return span_attributes_;
  const auto& connection = live_.connection;
  span_attributes_.text("url.scheme", "https")
      .text("network.protocol.name", "http")
      .text("network.protocol.version", connection.protocol == tls::Protocol::http_2 ? "2" : "1.1")
      .text("tls.protocol.name", "tls")
      .text("tls.protocol.version", number_of(connection.version))
      .text("tls.cipher", connection.cipher)
      .flag("tls.resumed", connection.resumed)
      .text("countersign.listener", context_.listener.config().name)
      .text("countersign.site", connection.site->name)
      .text("countersign.tls", tls_word(connection.site->mode()));
  say_client(span_attributes_, connection.stream->peer());
  if (!connection.peer) return span_attributes_;
  const base::Identity& identity = connection.peer->identity();
  const x509::Certificate& certificate = connection.peer->certificate();
  span_attributes_.text("tls.client.hash.sha256", base::to_hex(certificate.fingerprint()))
      .text("countersign.environment", base::name(identity.environment))
      .text("countersign.organisation", identity.organisation.text())
      .text("countersign.application", identity.application.text())
      .text("countersign.serial", certificate.serial().hex());
  return span_attributes_;
}

void Visit::export_span(const http::RequestHead& head, const Served& served, const Generation& by) {
  const auto& telemetry = by.config().telemetry;
  if (!telemetry || !is_exported(served.trace, *telemetry, by.config().trace_sample_percent)) return;
  const std::string_view method = is_known(head.method) ? std::string_view(head.method) : "_OTHER";
  SpanAttributes attributes;
  attributes.text("http.request.method", method);
  if (method != head.method) attributes.text("http.request.method_original", head.method);
  // Without the query: it may hold what is nobody's business.
  attributes.text("url.path", std::string_view(head.target).substr(0, head.target.find('?')));
  if (const auto host = head.fields.find("Host")) say_server(attributes, *host);
  std::string name(method);
  if (const Route* const route = route_of(head, by)) {
    attributes.text("http.route", route->path);
    name += " " + route->path;
  }
  const int status = served.outcome.status;
  if (status > 0) attributes.number("http.response.status_code", status);
  attributes.number("http.response.body.size", static_cast<std::int64_t>(served.outcome.body_bytes));
  if (!served.outcome.refusal.empty()) attributes.text("countersign.refusal", served.outcome.refusal);
  // A client's mistake is no error of ours; a request that nobody could be told the end of is one.
  const bool failed = status >= kServerError || status == 0;
  if (failed) {
    const std::string code = status == 0 ? "cut_off" : std::to_string(status);
    attributes.text("error.type", served.outcome.refusal.empty() ? code : served.outcome.refusal);
  }
  attributes.append(connection_attributes());
  const SpanHead span{.trace_id = served.trace.trace_id(),
                      .span_id = served.trace.span_id(),
                      .parent_id = served.trace.is_continued() ? parent_in(head.fields) : std::string_view(),
                      .trace_state = served.trace.is_continued() ? state_in(head.fields) : std::string_view(),
                      .name = name,
                      .ended = context_.clock.now(),
                      .took = served.took};
  context_.spans->take(to_otlp_span(span, attributes, failed ? SpanStatus::error : SpanStatus::unset));
}

const Route* Visit::route_of(const http::RequestHead& head, const Generation& by) const {
  const auto destination = read_destination(head, live_.connection.server_name);
  if (!destination) return nullptr;
  return by.routes().find(context_.listener.config().name, destination->host, destination->path());
}

bool is_exported(const TraceContext& trace, const TelemetrySettings& settings, unsigned percent) {
  if (!trace.is_sampled()) return false;
  if (!trace.is_continued() || settings.sampling == TelemetrySettings::Sampling::parent) return true;
  // The random part of the id (Trace Context level 2, section 3.2.2.3.1): all who ask it decide alike.
  constexpr std::size_t kRandomDigits = 14;
  constexpr std::uint64_t kOf = 100;
  std::uint64_t random = 0;
  for (const char digit : trace.trace_id().substr(trace.trace_id().size() - kRandomDigits))
    random = random << 4 | static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  return random * kOf < (std::uint64_t{percent} << (4 * kRandomDigits));
}

std::string span_of_refusal(const tls::HandshakeFailure& failure, const RefusedAt& at, Dice& dice) {
  const trust::Refusal& refusal = *failure.refusal;
  SpanAttributes attributes;
  if (!failure.server_name.empty()) attributes.text("server.address", failure.server_name);
  say_client(attributes, at.client);
  attributes.text("tls.protocol.name", "tls")
      .flag("tls.established", false)
      .text("error.type", trust::name(refusal.reason))
      .text("countersign.listener", at.listener)
      .text("countersign.refusal", trust::name(refusal.reason));
  if (!refusal.fingerprint.empty()) attributes.text("tls.client.hash.sha256", refusal.fingerprint);
  if (!refusal.serial.empty()) attributes.text("countersign.serial", refusal.serial);
  if (!refusal.organisation.empty()) attributes.text("countersign.organisation", refusal.organisation);
  const TraceContext trace = TraceContext::continue_or_begin(http::Fields(), {.percent = 100}, dice);
  const SpanHead span{.trace_id = trace.trace_id(),
                      .span_id = trace.span_id(),
                      .name = "TLS handshake",
                      .ended = at.ended,
                      .took = at.took};
  return to_otlp_span(span, attributes, SpanStatus::error, refusal.detail);
}

}  // namespace countersign::gateway
