#include "authority/doors/api.h"

#include "authority/acme/problem.h"
#include "authority/doors/problem.h"

namespace countersign::authority {
namespace {

/// A browser that holds an operator's or a partner's certificate must not be steered by another site. Browsers send
/// Origin with every such request (Fetch standard, section 3.2); programs do not.
base::Result<void> refuse_other_sites(const http::Request& request) {
  if (request.head.method == "GET" || request.head.method == "HEAD" || request.head.fields.count("Origin") == 0)
    return {};
  return base::fail(base::Kind::denied, "api.cross_site",
                    "calls that a certificate stands for are not taken from web pages");
}

tl::unexpected<base::Error> no_certificate() {
  return base::fail(base::Kind::denied, "caller.none", "this needs your certificate: send it in the TLS handshake");
}

bool asks_for_certificate(const Route& route) {
  return std::holds_alternative<OpenAskHandler>(route.handler) || std::holds_alternative<PeerAskHandler>(route.handler);
}

}  // namespace

net::Task<base::Result<void>> take_turn(net::Worker& worker, net::Loop& loop, std::function<void()> job) {
  const net::Worker::Patience patience{kWaitingCalls, net::Deadline::after(kWaitingTime)};
  const auto done = co_await worker.try_run(loop, std::move(job), patience);
  if (done) co_return base::Result<void>();
  co_return base::fail(base::Kind::unavailable, "authority.busy",
                       "the authority has too much to do: try again in a while");
}

base::Result<Operator> Api::prove_operator(const ApiCaller& caller) {
  BASE_TRY(auto rows, parts_.authority.ledger().read());
  return Operator::from(caller.peer, rows);
}

base::Result<Person> Api::prove_person(const ApiCaller& caller) {
  BASE_TRY(auto rows, parts_.authority.ledger().read());
  return Person::from(caller.peer, rows);
}

base::Result<Told> Api::perform(const Route& route, const Call& call, const ApiCaller& caller) {
  parts_.authority.catch_up();
  BASE_TRY_VOID(gate_.recheck(caller));
  if (const auto* telling = std::get_if<TellingHandler>(&route.handler)) return (*telling)(parts_.authority, call);
  BASE_TRY(auto response, answer(route, call, caller));
  return Told{std::move(response)};
}

Answer Api::answer(const Route& route, const Call& call, const ApiCaller& caller) {
  if (const auto* open = std::get_if<OpenHandler>(&route.handler)) return (*open)(parts_.authority, call);
  BASE_TRY_VOID(refuse_other_sites(call.request));
  if (const auto* known = std::get_if<PeerHandler>(&route.handler)) {
    if (caller.peer) return (*known)(parts_.authority, *caller.peer, call);
    return no_certificate();
  }
  if (const auto* of_people = std::get_if<PersonHandler>(&route.handler)) {
    BASE_TRY(const Person person, prove_person(caller));
    BASE_TRY_VOID(person.need(of_people->right));
    return of_people->handle(parts_.authority, person, call);
  }
  const auto& handler = std::get<OperatorHandler>(route.handler);
  BASE_TRY(const Operator proof, prove_operator(caller));
  BASE_TRY_VOID(proof.need(handler.right));
  return handler.handle(parts_.authority, proof, call);
}

base::Result<Asked> Api::begin(const Route& route, const Call& call, const ApiCaller& caller) {
  BASE_TRY_VOID(gate_.recheck(caller));
  if (const auto* open = std::get_if<OpenAskHandler>(&route.handler)) return (*open)(parts_.authority, call);
  BASE_TRY_VOID(refuse_other_sites(call.request));
  if (!caller.peer) return no_certificate();
  return std::get<PeerAskHandler>(route.handler)(parts_.authority, *caller.peer, call);
}

net::Task<base::Result<Told>> Api::dispatch(const http::Request& request, const ApiCaller& caller) {
  BASE_CO_TRY(const std::string path, request.path());
  BASE_CO_TRY(auto match, find_route(routes_, request.head.method, path));
  const Call call{request, std::move(match.arguments)};
  if (asks_for_certificate(*match.route)) {
    IssuingDesk::Begin begin_it = [&] { return begin(*match.route, call, caller); };
    BASE_CO_TRY(auto response, co_await desk_.ask(std::move(begin_it)));
    Told given{std::move(response)};
    co_return given;
  }
  base::Result<Told> told = base::fail(base::Kind::internal, "api.dropped", "the work was not done");
  std::function<void()> job = [&] { told = perform(*match.route, call, caller); };
  BASE_CO_TRY_VOID(co_await take_turn(parts_.worker, parts_.loop, std::move(job)));
  co_return told;
}

/// RFC 8555 sections 6.5 and 7.1: a nonce for the next request, and where the directory is.
http::Response Api::dress(http::Response response, const http::Request& request) {
  if (!is_acme(request)) return response;
  const std::string host(request.head.fields.find("Host").value_or(""));
  response.fields.add("Replay-Nonce", parts_.authority.acme_nonces().issue());
  response.fields.add("Link", "<https://" + host + "/acme/directory>;rel=\"index\"");
  response.fields.set("Cache-Control", "no-store");
  return response;
}

net::Task<http::Response> Api::respond(http::Request request, const ApiCaller& caller) {
  base::Result<Told> told = co_await dispatch(request, caller);
  if (told && !told->refusal) co_return dress(std::move(told->response), request);
  const RefusedCall call{"api", caller.address.to_string(), caller.peer ? caller.peer->identity().to_urn() : "none",
                         code_digest_in(request)};
  if (told) {
    refusals_.record(*told->refusal, told->response.status, request, call);
    co_return dress(std::move(told->response), request);
  }
  http::Response refused = refusals_.answer(told.error(), request, call);
  co_return dress(std::move(refused), request);
}

}  // namespace countersign::authority
