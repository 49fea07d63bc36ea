#include "gateway/listener_plan.h"

#include <algorithm>
#include <set>

#include "feed/authority_link.h"

namespace countersign::gateway {
namespace {

base::Result<std::vector<x509::Certificate>> read_roots(const std::vector<std::filesystem::path>& files) {
  std::vector<x509::Certificate> roots;
  for (const std::filesystem::path& file : files) {
    BASE_TRY(const auto trust, feed::load_trust_chain(file));
    for (const x509::Certificate& root : trust->anchors().anchors())
      roots.push_back(root);
  }
  return roots;
}

std::string name_of(const std::filesystem::path& trust) {
  return trust.empty() ? "trust_chain and partner_chain" : "'" + trust.string() + "'";
}

}  // namespace

std::vector<std::filesystem::path> trust_files(const GatewayConfig& config) {
  std::set<std::filesystem::path> files;
  for (const ListenerConfig& listener : config.listeners)
    for (const SiteConfig* site : listener.reachable())
      if (!site->trust.empty()) files.insert(site->trust);
  return {files.begin(), files.end()};
}

std::size_t Plans::place_of_credential(const SiteConfig& site) {
  std::optional<feed::CredentialFiles> files;
  if (!site.server_certificate.empty()) files = feed::CredentialFiles{site.server_key, site.server_certificate};
  for (std::size_t i = 0; i < credentials_.size(); ++i)
    if (credentials_[i].files == files) return i;
  credentials_.push_back({std::move(files), site.ocsp});
  return credentials_.size() - 1;
}

base::Result<Plans> Plans::make(const GatewayConfig& config, const feed::Knowledge& knowledge, Metrics& metrics,
                                const base::Clock& clock, const base::Log& log, const Plans* before) {
  Plans plans;
  const auto view_for = [&](const SiteConfig& site) -> base::Result<std::shared_ptr<TrustView>> {
    for (const View& known : plans.views_)
      if (known.trust == site.trust && known.view->environment() == site.environment) return known.view;
    std::vector<std::filesystem::path> files = {site.trust};
    if (site.trust.empty()) files = {config.trust_chain, config.partner_chain};
    BASE_TRY(auto roots, read_roots(files));
    TrustView::Options options{std::move(roots), site.environment};
    if (auto known = before == nullptr ? nullptr : before->find_view(options)) {
      plans.views_.push_back({site.trust, known});
      return known;
    }
    auto view = TrustView::make(std::move(options), knowledge, clock, log);
    if (!view)
      return base::unexpected(std::move(view).error().under(
          "trust.empty", "the trust feed knows no issuing CA under the roots in " + name_of(site.trust)));
    plans.views_.push_back({site.trust, std::move(*view)});
    return plans.views_.back().view;
  };
  for (const ListenerConfig& listener : config.listeners) {
    const tls::Protocol best = config.http2 ? tls::Protocol::http_2 : tls::Protocol::http_1_1;
    auto counts = before == nullptr ? nullptr : before->find_counts(door_of(listener));
    if (counts == nullptr) counts = std::make_shared<ListenerCounts>(metrics);
    ListenerPlan plan{&listener, best, {}, std::move(counts)};
    for (const SiteConfig* site : listener.reachable()) {
      BASE_TRY(auto view, view_for(*site));
      plan.sites.push_back({site, std::move(view), plans.place_of_credential(*site)});
    }
    plans.listeners_.push_back(std::move(plan));
  }
  return plans;
}

std::shared_ptr<TrustView> Plans::find_view(const TrustView::Options& wanted) const {
  for (const View& one : views_)
    if (one.view->options() == wanted) return one.view;
  return nullptr;
}

std::shared_ptr<ListenerCounts> Plans::find_counts(const std::string& door) const {
  for (const ListenerPlan& plan : listeners_)
    if (door_of(*plan.config) == door) return plan.counts;
  return nullptr;
}

const SiteConfig* ListenerPlan::find_site(const std::string& name) const {
  for (const SitePlan& site : sites)
    if (site.config->name() == name) return site.config;
  return nullptr;
}

trust::ChainMemory::Counts Plans::chain_counts() const {
  trust::ChainMemory::Counts all{0, 0, 0};
  for (const View& one : views_) {
    const trust::ChainMemory::Counts counts = one.view->chain_counts();
    all.hits += counts.hits;
    all.misses += counts.misses;
    all.chains += counts.chains;
  }
  return all;
}

}  // namespace countersign::gateway
