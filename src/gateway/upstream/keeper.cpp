#include "gateway/upstream/keeper.h"

#include "http/client.h"
#include "http/h2_client.h"
#include "net/resolve.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kCheckAnswerBytes = 64 * 1024;
constexpr base::Duration kResolveTime = std::chrono::seconds(5);
/// A check that has had its time unwinds in less.
constexpr base::Duration kUnwindTime = std::chrono::seconds(1);

net::Task<void> run_client(http::H2Client& client) { (void)co_await client.run(); }

}  // namespace

void UpstreamKeeper::keep(std::shared_ptr<UpstreamState> state) {
  if (state->settings().check) net::spawn(needs_.loop, check(state), "upstream.check", needs_.log);
  if (state->settings().resolve_time > base::Duration::zero())
    net::spawn(needs_.loop, resolve(state), "upstream.resolve", needs_.log);
}

/// All addresses side by side: one that hangs holds up no other one's check.
net::Task<void> UpstreamKeeper::check(std::shared_ptr<UpstreamState> state) {
  const UpstreamCheck& rules = *state->settings().check;
  const auto connector = std::make_shared<UpstreamConnector>(needs_, state);
  net::TaskGroup checks(needs_.loop, needs_.log);
  while (!state->is_retired()) {
    for (const auto& address : *state->addresses())
      checks.spawn(check_once(connector, address), "upstream.check_one");
    (void)co_await checks.wait_until_empty(net::Deadline::after(rules.time + kUnwindTime));
    co_await net::sleep_until(net::Deadline::after(dice_.jittered(rules.interval)));
  }
}

net::Task<void> UpstreamKeeper::check_once(std::shared_ptr<UpstreamConnector> connector,
                                           std::shared_ptr<UpstreamAddress> address) {
  const auto well = co_await ask(*connector, address);
  const UpstreamSettings& settings = connector->state()->settings();
  const auto passed = well ? AddressHealth::Passed::yes : AddressHealth::Passed::no;
  const AddressHealth::Turn turn = address->health.note_check(passed, settings.check->rules);
  const std::string at = address->endpoint.to_string();
  if (turn == AddressHealth::Turn::up) needs_.log.info("upstream.up", {{"upstream", settings.name}, {"address", at}});
  if (turn == AddressHealth::Turn::down)
    needs_.log.warning("upstream.down", {{"upstream", settings.name},
                                         {"address", at},
                                         {"error", well ? std::string() : base::to_string(well.error())}});
}

net::Task<base::Result<void>> UpstreamKeeper::ask(UpstreamConnector& connector,
                                                  std::shared_ptr<UpstreamAddress> address) {
  const UpstreamCheck& rules = *connector.state()->settings().check;
  const net::Deadline deadline = net::Deadline::after(rules.time);
  ClientAddresses nobody;  // a PROXY header then says that we speak for ourselves
  auto opened = co_await connector.open(address, std::move(nobody), deadline);
  if (!opened) co_return base::unexpected(std::move(opened).error());
  http::Request request;
  request.head.method = "GET";
  request.head.target = rules.path;
  request.head.fields.add(
      "Host", rules.host.empty() ? net::Endpoint{address->host, address->endpoint.port}.to_string() : rules.host);
  request.head.fields.add("User-Agent", "countersign-gateway");
  const bool h2 = opened->protocol == tls::Protocol::http_2;
  base::Result<int> status = 0;
  if (h2) status = co_await ask_h2(*opened, std::move(request), deadline);
  else status = co_await ask_h1(*opened, std::move(request), deadline);
  if (!status) co_return base::unexpected(std::move(status).error());
  if (*status == rules.status) co_return base::Result<void>();
  co_return base::fail(base::Kind::unavailable, "upstream.status",
                       "it answered " + std::to_string(*status) + " instead of " + std::to_string(rules.status));
}

net::Task<base::Result<int>> UpstreamKeeper::ask_h1(const UpstreamConnector::Opened& opened, http::Request request,
                                                    net::Deadline deadline) {
  http::ClientOptions options;
  options.host = std::string(request.head.fields.find("Host").value_or(""));
  options.response_bytes = kCheckAnswerBytes;
  request.head.fields.remove("Host");
  request.head.fields.add("Connection", "close");
  http::Client client(*opened.stream, std::move(options));
  BASE_CO_TRY(const http::Response response, co_await client.send(std::move(request), deadline));
  co_return response.status;
}

/// The head of the answer is enough.
net::Task<base::Result<int>> UpstreamKeeper::ask_h2(const UpstreamConnector::Opened& opened, http::Request request,
                                                    net::Deadline deadline) {
  http::H2Client::Options options;
  options.limits.streams = 1;
  options.changed = [] {};
  http::H2Client client(needs_.loop, *opened.stream, std::move(options), needs_.log);
  net::TaskGroup running(needs_.loop, needs_.log);
  running.spawn(run_client(client), "upstream.check_h2");
  base::Result<http::ResponseHead> answer = http::ResponseHead();
  {
    http::H2ClientStream stream = client.open();
    const std::string scheme = opened.chain ? "https" : "http";
    const std::vector<http::FieldView> fields{{"user-agent", "countersign-gateway"}};
    const std::string host(request.head.fields.find("Host").value_or(""));
    const auto begun =
        stream.send_head({"GET", scheme, host, request.head.target, fields}, http::H2ClientStream::Body::none);
    if (begun) answer = co_await stream.read_head(deadline);
    else answer = base::unexpected(begun.error());
  }
  client.cut();
  while (running.live() > 0)
    (void)co_await running.wait_until_empty(net::Deadline::after(kUnwindTime));
  if (!answer) co_return base::unexpected(std::move(answer).error());
  co_return answer->status;
}

net::Task<void> UpstreamKeeper::resolve(std::shared_ptr<UpstreamState> state) {
  std::vector<Name> names;
  for (const net::Endpoint& address : state->settings().addresses)
    names.push_back({address});
  while (!state->is_retired()) {
    std::vector<std::vector<net::Endpoint>> resolved;
    for (Name& name : names) {
      co_await resolve_once(name, state->settings().name);
      resolved.push_back(name.known);
    }
    if (state->use_addresses(resolved))
      needs_.log.info("upstream.addresses",
                      {{"upstream", state->settings().name}, {"addresses", state->addresses()->size()}});
    co_await net::sleep_until(net::Deadline::after(dice_.jittered(state->settings().resolve_time)));
  }
}

/// A name that does not resolve any more leads where it led before.
net::Task<void> UpstreamKeeper::resolve_once(Name& name, const std::string& upstream) {
  net::Endpoint asked = name.name;
  auto found = co_await net::resolve(needs_.loop, std::move(asked), net::Deadline::after(kResolveTime));
  if (found) {
    name.known = std::move(*found);
    name.lost = false;
    co_return;
  }
  if (!name.lost)
    needs_.log.warning(
        "upstream.unresolved",
        {{"upstream", upstream}, {"address", name.name.to_string()}, {"error", base::to_string(found.error())}});
  name.lost = true;
}

}  // namespace countersign::gateway
