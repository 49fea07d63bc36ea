#include "authority/doors/internal_api.h"

#include "authority/api/json.h"
#include "authority/api/renewal_call.h"
#include "authority/doors/problem.h"
#include "authority/ehi/troubles.h"
#include "authority/oauth/server.h"
#include "authority/registry/feed_source.h"
#include "authority/registry/refused_certificates.h"
#include "base/json_array.h"
#include "feed/holdings.h"
#include "feed/sightings.h"
#include "http/problem.h"

namespace countersign::authority {
namespace {

tl::unexpected<base::Error> dropped() {
  return base::fail(base::Kind::internal, "api.dropped", "the work was not done");
}

tl::unexpected<base::Error> another_feed() {
  return base::fail(base::Kind::not_found, "feed.gone",
                    "the authority was started anew and counts its changes afresh: take a snapshot");
}

/// The trust feed tells who all partners are: only the platform's own programs read it.
base::Result<void> require_service(const tls::VerifiedPeer& peer) {
  const base::Identity& identity = peer.identity();
  if (identity.environment == base::Environment::internal && identity.organisation.text() == "service") return {};
  return base::fail(base::Kind::denied, "caller.not_service",
                    "this is for the platform's own programs; yours is " + identity.to_urn());
}

/// {"fingerprints":["..."]}: certificates that were shown in handshakes there.
Answer note_sightings(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request) {
  BASE_TRY(const auto body, read_body({request, {}}));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const auto fingerprints, reader.texts("fingerprints"));
  BASE_TRY_VOID(reader.finish());
  if (fingerprints.size() > feed::Sightings::kBatch)
    return base::fail(base::Kind::too_large, "sightings.too_many",
                      "at most " + std::to_string(feed::Sightings::kBatch) + " fingerprints in one call");
  BASE_TRY(const std::size_t seen, note_seen(authority.ledger(), {peer.identity().to_urn()}, fingerprints));
  return answer(200, {{"new", seen}});
}

/// Only a gateway may say whose certificate it has verified: another of the platform's programs, however trusted, would
/// get tokens in the name of any partner.
base::Result<void> require_gateway(const tls::VerifiedPeer& peer) {
  BASE_TRY_VOID(require_service(peer));
  const std::string& name = peer.identity().application.text();
  if (name == "gateway" || name.starts_with("gateway-")) return {};
  return base::fail(
      base::Kind::denied, "caller.not_gateway",
      "this is for gateways: internal/service/gateway, or gateway-NAME; yours is " + peer.identity().to_urn());
}

/// {"refusals":[...]}: certificates of ours that were refused there.
Answer note_refused(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request) {
  BASE_TRY(const auto body, read_body({request, {}}));
  BASE_TRY(const auto counts, feed::refusals_from_json(body));
  BASE_TRY(const std::size_t noted, note_refusals(authority.ledger(), peer.identity().application.text(), counts));
  return answer(200, {{"noted", noted}});
}

/// Only a sender may say how partners' servers are: their owners are written to.
base::Result<void> require_sender(const tls::VerifiedPeer& peer) {
  BASE_TRY_VOID(require_service(peer));
  const std::string& name = peer.identity().application.text();
  if (name == "ehi" || name.starts_with("ehi-")) return {};
  return base::fail(base::Kind::denied, "caller.not_sender",
                    "this is for EHI senders: internal/service/ehi, or ehi-NAME; yours is " + peer.identity().to_urn());
}

/// {"reports":[...]}: how partners' servers are, as calls from there meet them.
Answer note_endpoints(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request) {
  BASE_TRY(const auto body, read_body({request, {}}));
  BASE_TRY(const auto reports, feed::endpoint_reports_from_json(body));
  BASE_TRY(const auto noted, note_endpoint_reports(authority.ledger(), peer.identity().application.text(), reports));
  return answer(200, {{"noted", noted.noted}, {"unknown", base::to_json_array(noted.unknown)}});
}

/// {"token":"..."}: what RFC 7662 says of it, for the platform's own programs.
Answer introspect(Authority& authority, const tls::VerifiedPeer&, const http::Request& request) {
  BASE_TRY(const auto body, read_body({request, {}}));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string token, reader.text("token"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto said, authority.oauth().introspect(token));
  return answer(200, said);
}

base::Result<std::uint64_t> read_after(const http::Request& request) {
  if (!request.query("after"))
    return base::fail(base::Kind::invalid, "query.invalid",
                      "'after' is missing: the sequence of the last change you have");
  BASE_TRY(const std::int64_t after, read_number(request, {"after", 0, 0, INT64_MAX}));
  return static_cast<std::uint64_t>(after);
}

base::Result<base::Duration> read_wait(const http::Request& request) {
  constexpr std::int64_t kMost = std::chrono::duration_cast<std::chrono::seconds>(kLongestPoll).count();
  BASE_TRY(const std::int64_t seconds, read_number(request, {"wait", 0, 0, 3600}));
  return std::chrono::seconds(std::min(seconds, kMost));
}

bool is_get(const http::Request& request) { return request.head.method == "GET" || request.head.method == "HEAD"; }

}  // namespace

net::Task<http::Response> InternalApi::respond(http::Request request, const InternalCaller& caller) {
  Answer answer = co_await dispatch(request, caller);
  if (answer) co_return std::move(*answer);
  const RefusedCall call{"internal", caller.address.to_string(), caller.peer.identity().to_urn(), ""};
  co_return refusals_.answer(answer.error(), request, call);
}

net::Task<Answer> InternalApi::dispatch(const http::Request& request, const InternalCaller& caller) {
  BASE_CO_TRY(const std::string path, request.path());
  BASE_CO_TRY_VOID(gate_.recheck(caller));
  if (path == "/v1/renewals" && request.head.method == "POST") co_return co_await renew(request, caller);
  if (path == "/v1/sightings" && request.head.method == "POST") {
    BASE_CO_TRY_VOID(require_service(caller.peer));
    co_return co_await perform(note_sightings, request, caller);
  }
  if (path == "/v1/refusals" && request.head.method == "POST") {
    BASE_CO_TRY_VOID(require_gateway(caller.peer));
    co_return co_await perform(note_refused, request, caller);
  }
  if (path == "/v1/endpoint-reports" && request.head.method == "POST") {
    BASE_CO_TRY_VOID(require_sender(caller.peer));
    co_return co_await perform(note_endpoints, request, caller);
  }
  if (path == oauth::kRelayPath && request.head.method == "POST") {
    BASE_CO_TRY_VOID(require_gateway(caller.peer));
    co_return co_await relay(request, caller);
  }
  if (path == "/v1/oauth/introspect" && request.head.method == "POST") {
    BASE_CO_TRY_VOID(require_service(caller.peer));
    co_return co_await perform(introspect, request, caller);
  }
  if (path == "/v1/feed/snapshot" && is_get(request)) {
    BASE_CO_TRY_VOID(require_service(caller.peer));
    co_return co_await snapshot();
  }
  if (path == "/v1/feed/changes" && is_get(request)) {
    BASE_CO_TRY_VOID(require_service(caller.peer));
    co_return co_await changes(request, caller);
  }
  co_return base::fail(base::Kind::not_found, "api.no_such_path", "there is nothing at this path for this method");
}

/// A call of a partner's to the authorisation server. What it comes to, refusals too, is the answer inside of ours.
net::Task<Answer> InternalApi::relay(const http::Request& request, const InternalCaller& caller) {
  BASE_CO_TRY(const auto body, read_body({request, {}}));
  BASE_CO_TRY(auto call, oauth::relayed_call(body));
  RelayDesk::Recheck recheck = [&] { return gate_.recheck(caller); };
  BASE_CO_TRY(const auto answered, co_await relay_desk_.ask(std::move(call), std::move(recheck)));
  co_return answer(200, oauth::to_json(answered));
}

net::Task<Answer> InternalApi::renew(const http::Request& request, const InternalCaller& caller) {
  IssuingDesk::Begin begin = [&]() -> base::Result<Asked> {
    BASE_TRY_VOID(gate_.recheck(caller));
    return authority::renew(parts_.authority, caller.peer, request);
  };
  co_return co_await desk_.ask(std::move(begin));
}

net::Task<Answer> InternalApi::snapshot() {
  Answer answer = dropped();
  std::function<void()> job = [&] {
    auto taken = take_snapshot_for_followers(parts_.authority.ledger());
    if (taken) taken->feed = parts_.authority.feed_id();
    if (taken) answer = http::json_response(200, feed::to_json_text(*taken));
    else answer = base::unexpected(taken.error());
  };
  co_await parts_.worker.run(parts_.loop, std::move(job));
  co_return answer;
}

net::Task<Answer> InternalApi::changes(const http::Request& request, const InternalCaller& caller) {
  BASE_CO_TRY(const std::uint64_t after, read_after(request));
  const auto feed = request.query("feed");
  BASE_CO_TRY(const base::Duration wait, read_wait(request));
  BASE_CO_TRY(auto holds, feed::parse_holdings(request.query("holds").value_or("")));
  co_await note_follower(caller, std::move(holds));
  const net::Deadline deadline = net::Deadline::after(wait);
  for (;;) {
    base::Result<FeedChanges> found = dropped();
    std::function<void()> job = [&] {
      if (feed == parts_.authority.feed_id()) found = read_changes(parts_.authority.ledger(), after);
      else found = another_feed();
    };
    co_await parts_.worker.run(parts_.loop, std::move(job));
    if (!found) co_return base::unexpected(std::move(found).error());
    // Who was revoked while waiting learns no more.
    BASE_CO_TRY_VOID(gate_.recheck(caller));
    if (!found->changes.empty() || deadline.passed() || bell_.closed())
      co_return http::json_response(200, feed::to_json_text(found->sequence, found->changes));
    co_await bell_.wait_beyond(found->sequence, deadline);
  }
}

/// What is not noted now is at the next poll: the feed goes on.
net::Task<void> InternalApi::note_follower(const InternalCaller& caller, std::vector<std::string> holds) {
  std::function<void()> job = [&] {
    const x509::Certificate& certificate = caller.peer.certificate();
    const auto noted =
        parts_.authority.followers().note(certificate, caller.peer.identity().to_urn(), std::move(holds));
    if (!noted) parts_.log.warning("follower.not_noted", {{"error", base::to_string(noted.error())}});
  };
  co_await parts_.worker.run(parts_.loop, std::move(job));
}

net::Task<Answer> InternalApi::perform(Handler handler, const http::Request& request, const InternalCaller& caller) {
  Answer answer = dropped();
  std::function<void()> job = [&] {
    parts_.authority.catch_up();
    const auto admitted = gate_.recheck(caller);
    answer = admitted ? handler(parts_.authority, caller.peer, request) : base::unexpected(admitted.error());
  };
  BASE_CO_TRY_VOID(co_await take_turn(parts_.worker, parts_.loop, std::move(job)));
  co_return answer;
}

}  // namespace countersign::authority
