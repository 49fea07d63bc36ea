#include "authority/ehi/look.h"

#include <algorithm>
#include <memory>

#include "authority/ehi/material.h"
#include "check/judge.h"
#include "net/socket.h"

namespace countersign::authority {
namespace {

/// What a check is about and what came of it, for as long as any task of it lives.
struct Work {
  check::Target target;
  courier::AddressRules addresses;
  EhiNetwork::Resolve resolve;
  base::Result<check::Report> outcome =
      base::fail(base::Kind::unavailable, "ehi_check.stopped", "the authority was stopped meanwhile: ask again");
};

/// Nothing of the provider's for a server that nobody has confirmed.
base::Result<check::Target> to_target(const EhiCheckSettings& settings, const EhiLook& look) {
  check::Target target;
  target.text = look.url;
  BASE_TRY(target.url, http::Url::parse(look.url));
  BASE_TRY(auto material, load_ehi_material(settings, look.environment));
  target.anchors = std::move(material.anchors);
  target.trust_chain = look.trust_chain;
  target.asker = look.is_confirmed ? check::Asker::authority : check::Asker::unconfirmed;
  target.request.method = "GET";
  target.request.target = "/";
  if (look.is_confirmed) {
    target.request.target = target.url.target;
    target.own = std::move(material.own);
    target.next = std::move(material.next);
    target.test_credentials = std::move(material.test_credentials);
  }
  target.request.fields.add("User-Agent", "countersign-check");
  target.request.fields.add("Accept", "*/*");
  return target;
}

/// A finding like any: that a name does not resolve is the partner's to mend.
check::Report unresolved(const check::Target& target, const base::Clock& clock, const base::Error& error) {
  check::Observations seen{.host = target.url.authority.host,
                           .anchors = target.anchors,
                           .at = clock.now(),
                           .deadline = target.deadline,
                           .asker = target.asker};
  seen.unreachable = check::plain(base::to_string(error), 300);
  return check::judge(seen, target.text);
}

/// The first that takes a connection, else the first: a host may have an address of IPv6, and we have none.
net::Task<net::Endpoint> choose(net::Loop& loop, std::vector<net::Endpoint> addresses) {
  const std::size_t tried = std::min(addresses.size(), kEhiAddressesTried);
  for (std::size_t i = 0; i < tried; ++i) {
    net::Endpoint to = addresses[i];
    const auto connected = co_await net::Socket::connect(loop, std::move(to), net::Deadline::after(kEhiConnectTime));
    if (connected) co_return addresses[i];
  }
  co_return addresses.front();
}

net::Task<base::Result<check::Report>> look(std::shared_ptr<Work> work, check::Surroundings with) {
  check::Target& target = work->target;
  net::Endpoint name = target.url.authority;
  const auto found = co_await work->resolve(with.loop, std::move(name), net::Deadline::after(kEhiResolveTime));
  if (!found) co_return unresolved(target, with.clock, found.error());
  const auto is_allowed = [&](const net::Endpoint& to) { return courier::allows(work->addresses, to.host); };
  // One address inside is enough to refuse: else whoever writes the zone chooses which of them we take.
  if (!std::ranges::all_of(*found, is_allowed))
    co_return base::fail(base::Kind::denied, "ehi_check.address",
                         "'" + target.url.authority.host +
                             "' leads to an address that is not of the public internet, or is the provider's own: "
                             "partners' servers are checked from outside");
  std::vector<net::Endpoint> addresses = *found;
  target.pinned = co_await choose(with.loop, std::move(addresses));
  const check::Observations seen = co_await check::observe(target, with);
  co_return check::judge(seen, target.text);
}

net::Task<void> look_and_stop(std::shared_ptr<Work> work, check::Surroundings with) {
  work->outcome = co_await look(work, with);
  with.loop.stop();
}

}  // namespace

base::Result<check::Report> look_at(const EhiCheckSettings& settings, const EhiLook& look, check::Surroundings with,
                                    const base::Log& log) {
  auto target = to_target(settings, look);
  if (!target) {
    log.error("ehi_check.settings", {{"url", look.url}, {"error", base::to_string(target.error())}});
    return base::fail(base::Kind::unavailable, "ehi_check.settings",
                      "the authority cannot use the files that it checks with: its operators find why in its log");
  }
  courier::AddressRules addresses = settings.addresses;
  addresses.own = look.network.own;
  const auto work = std::make_shared<Work>(
      Work{.target = std::move(*target), .addresses = std::move(addresses), .resolve = look.network.resolve});
  net::spawn(with.loop, look_and_stop(work, with), "ehi check", log);
  with.loop.run();
  return work->outcome;
}

}  // namespace countersign::authority
