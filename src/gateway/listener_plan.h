// ListenerPlan: what all workers share of one listener: its sites with whom they believe and which of our certificates
// they show, and what is counted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "feed/credential_files.h"
#include "gateway/config.h"
#include "gateway/listener_counts.h"
#include "gateway/trust_view.h"

namespace countersign::gateway {

struct SitePlan {
  const SiteConfig* config;
  std::shared_ptr<TrustView> view;
  std::size_t credential;  ///< place in Plans::credentials()
};

struct ListenerPlan {
  const ListenerConfig* config;
  tls::Protocol best;           ///< that is spoken
  std::vector<SitePlan> sites;  ///< those that can be reached; the one without names, if it can, is the last
  /// The one of this name; null: there is none.
  const SiteConfig* find_site(const std::string& name) const;
  std::shared_ptr<ListenerCounts> counts;
};

/// A certificate of our own, and what is stapled to handshakes with it.
struct OwnCertificate {
  std::shared_ptr<const tls::Credential> credential;
  std::shared_ptr<const tls::OwnStaple> staple = {};  ///< null: nothing
};
/// In the places that plans name.
using Credentials = std::vector<OwnCertificate>;

/// Where one comes from.
struct CertificateSource {
  std::optional<feed::CredentialFiles> files = {};  ///< nothing: the gateway's own (`server` in its data)
  OcspSettings ocsp = {};
};

class Plans {
 public:
  /// Reads the files of roots. Borrows all but `metrics` for its life, and that for the counts. Of `before`, unless
  /// null, it goes on with the views of the same roots and environment, and the counts of the same doors.
  /// Fails: files' errors, `trust.empty`.
  static base::Result<Plans> make(const GatewayConfig& config, const feed::Knowledge& knowledge, Metrics& metrics,
                                  const base::Clock& clock, const base::Log& log, const Plans* before = nullptr);

  const std::vector<ListenerPlan>& listeners() const { return listeners_; }
  /// Where each certificate comes from.
  const std::vector<CertificateSource>& credentials() const { return credentials_; }
  trust::ChainMemory::Counts chain_counts() const;

 private:
  struct View {
    std::filesystem::path trust;
    std::shared_ptr<TrustView> view;
  };
  std::shared_ptr<TrustView> find_view(const TrustView::Options& wanted) const;
  std::shared_ptr<ListenerCounts> find_counts(const std::string& door) const;
  std::size_t place_of_credential(const SiteConfig& site);

  std::vector<View> views_;  ///< one for each trust set and environment
  std::vector<CertificateSource> credentials_;
  std::vector<ListenerPlan> listeners_;
};

/// The files of roots that sites name beside partner_chain: the feed may speak of them.
std::vector<std::filesystem::path> trust_files(const GatewayConfig& config);

}  // namespace countersign::gateway
