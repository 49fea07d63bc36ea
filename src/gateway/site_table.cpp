#include "gateway/site_table.h"

#include <algorithm>

#include "gateway/host_name.h"
#include "http/host_pattern.h"

namespace countersign::gateway {
namespace {

bool of_tunnel(const SiteConfig& site) { return !site.tcp.upstream.empty(); }

/// Everything that was decided for a site, so that a session of one never serves another, nor this one once anything of
/// it has changed.
crypto::Digest256 policy_of(const ListenerPlan& plan, const SitePlan& site, const tls::Credential& own) {
  // Names hold no space, so that no two texts are alike.
  const std::string text = plan.config->name + " " + site.config->name() + " " +
                           std::string(tls_word(site.config->client_certificate)) +
                           (of_tunnel(*site.config)              ? " tcp " + site.config->tcp.upstream
                            : plan.best == tls::Protocol::http_2 ? std::string(" h2")
                                                                 : std::string(" http/1.1"));
  return crypto::sha256({crypto::sha256(base::as_bytes(text)), site.view->digest(), own.chain.front().fingerprint()});
}

base::Result<std::shared_ptr<const tls::Site>> make_site(const ListenerPlan& plan, const SitePlan& of,
                                                         const OwnCertificate& own, const SiteTable::Means& means) {
  const bool asks = of.config->client_certificate != tls::ClientCertificate::none;
  tls::ServerContext::Options options{.mode = of.config->client_certificate,
                                      .library = means.library,
                                      .resumption = plan.config->resumption,
                                      .http2 = plan.best == tls::Protocol::http_2 && !of_tunnel(*of.config),
                                      .staple = own.staple};
  if (asks) options.client_ca_names = of.view->acceptable_issuers();
  BASE_TRY(auto context, tls::ServerContext::make(*own.credential, std::move(options)));
  tls::Site site{.name = of.config->name(),
                 .context = std::move(context),
                 .judge = [view = of.view](const trust::Presented& presented) { return view->judge(presented); },
                 .rejudge = means.rejudge,
                 .policy = policy_of(plan, of, *own.credential),
                 .tunnel = of.config->tcp.upstream};
  if (plan.config->resumption == tls::Resumption::stateful) site.sessions = means.sessions;
  return std::make_shared<const tls::Site>(std::move(site));
}

}  // namespace

base::Result<std::shared_ptr<const SiteTable>> SiteTable::make(const ListenerPlan& plan, const Credentials& own,
                                                               const Means& means) {
  auto table = std::make_shared<SiteTable>();
  for (const SitePlan& of : plan.sites) {
    const std::uint64_t generation = of.view->trust()->generation();
    BASE_TRY(auto site, make_site(plan, of, own[of.credential], means));
    table->sources_.push_back({of.view, generation});
    if (of.config->names.empty()) table->rows_.push_back({"*", site});
    for (const std::string& name : of.config->names)
      table->rows_.push_back({name, site});
  }
  std::ranges::stable_sort(table->rows_, [](const Row& a, const Row& b) {
    if (host_rank(a.pattern) != host_rank(b.pattern)) return host_rank(a.pattern) < host_rank(b.pattern);
    return a.pattern.size() > b.pattern.size();
  });
  return std::shared_ptr<const SiteTable>(std::move(table));
}

std::shared_ptr<const tls::Site> SiteTable::choose(const std::string& name) const {
  for (const Row& row : rows_)
    if (http::host_matches(row.pattern, name)) return row.site;
  return nullptr;
}

bool SiteTable::is_current() const {
  return std::ranges::all_of(
      sources_, [](const Source& source) { return source.view->trust()->generation() == source.generation; });
}

}  // namespace countersign::gateway
