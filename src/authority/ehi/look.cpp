#include "authority/ehi/look.h"

#include <algorithm>
#include <memory>

#include "check/judge.h"
#include "courier/public_address.h"
#include "net/resolve.h"
#include "net/socket.h"
#include "trust/system_roots.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;

/// What a check is about and what came of it, for as long as any task of it lives.
struct Work {
  check::Target target;
  EhiReach reach;
  base::Result<check::Report> outcome =
      base::fail(base::Kind::unavailable, "ehi_check.stopped", "the authority was stopped meanwhile: ask again");
};

/// Nothing where there is no such file. Fails: as tls::load_credential.
base::Result<std::optional<tls::Credential>> load_if_there(const fs::path& folder, const std::string& name) {
  const fs::path certificate = folder / (name + ".pem");
  std::error_code ignored;
  if (folder.empty() || !fs::exists(certificate, ignored)) return std::nullopt;
  BASE_TRY(auto credential, tls::load_credential(certificate, folder / (name + ".key")));
  return std::optional(std::move(credential));
}

base::Result<std::vector<check::TestCredential>> load_test_credentials(const fs::path& folder,
                                                                       const std::string& environment) {
  std::error_code ignored;
  if (folder.empty() || !fs::exists(folder / environment, ignored)) return std::vector<check::TestCredential>();
  return check::load_test_credentials(folder / environment);
}

base::Result<check::Target> to_target(const EhiCheckSettings& settings, const EhiLook& look) {
  const std::string environment(base::name(look.environment));
  check::Target target;
  target.text = look.url;
  BASE_TRY(target.url, http::Url::parse(look.url));
  BASE_TRY(target.anchors,
           check::load_anchors(settings.anchors.empty() ? fs::path(trust::kSystemRoots) : settings.anchors));
  BASE_TRY(target.own, load_if_there(settings.credentials, "ehi-" + environment));
  BASE_TRY(target.next, load_if_there(settings.credentials, "ehi-" + environment + "-next"));
  BASE_TRY(target.test_credentials, load_test_credentials(settings.test_credentials, environment));
  target.trust_chain = look.trust_chain;
  target.request.method = "GET";
  target.request.target = target.url.target;
  target.request.fields.add("User-Agent", "countersign-check");
  target.request.fields.add("Accept", "*/*");
  return target;
}

bool is_public(const net::Endpoint& address) { return courier::is_public_address(address.host); }

/// A finding like any: that a name does not resolve is the partner's to mend.
check::Report unresolved(const check::Target& target, const base::Clock& clock, const base::Error& error) {
  check::Observations seen{
      .host = target.url.authority.host, .anchors = target.anchors, .at = clock.now(), .deadline = target.deadline};
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
  const auto found = co_await net::resolve(with.loop, std::move(name), net::Deadline::after(kEhiResolveTime));
  if (!found) co_return unresolved(target, with.clock, found.error());
  // One address inside is enough to refuse: else whoever writes the zone chooses which of them we take.
  if (work->reach == EhiReach::public_only && !std::ranges::all_of(*found, is_public))
    co_return base::fail(base::Kind::denied, "ehi_check.address",
                         "'" + target.url.authority.host +
                             "' leads to an address that is not of the public internet: partners' servers are checked "
                             "from outside");
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
  BASE_TRY(auto target, to_target(settings, look));
  const auto work = std::make_shared<Work>(Work{.target = std::move(target), .reach = settings.reach});
  net::spawn(with.loop, look_and_stop(work, with), "ehi check", log);
  with.loop.run();
  return work->outcome;
}

}  // namespace countersign::authority
