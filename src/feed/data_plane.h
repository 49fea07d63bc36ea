// DataPlane: what the gateway and the EHI sender have in common: knowledge from the trust feed, and certificates of
// their own that are renewed in time. Refuses to come up without trust (law 4). Lives on the main loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "feed/endpoint_reports.h"
#include "feed/follower.h"
#include "feed/refusals.h"
#include "feed/sightings.h"
#include "feed/telling.h"

namespace countersign::feed {

class DataPlane {
 public:
  struct Options {
    std::filesystem::path data;  ///< holds service.key, service.pem and trust-feed.json
    net::Endpoint authority;
    std::filesystem::path trust_chain;                    ///< the provider's: how the authority is recognised
    std::vector<std::filesystem::path> other_roots = {};  ///< files of further roots that the feed may speak of
    base::Duration first_knowledge_time = std::chrono::seconds(30);
  };
  /// Learns from the copy on disk, or waits for the authority. Fails: `feed.none` when neither gave anything, files'
  /// errors.
  static base::Result<std::unique_ptr<DataPlane>> make(Options options, const base::Clock& clock, const base::Log& log);

  /// A certificate of ours to keep: told to `replaced` now, and again when it was renewed or somebody replaced the
  /// files (looked at from time to time). `purpose` absent: nobody's but the operator's to renew.
  struct Kept {
    CredentialFiles files;
    std::optional<trust::Purpose> purpose;
    std::function<void(std::shared_ptr<const tls::Credential>)> replaced;
    crypto::Digest256 told = {};  ///< the fingerprint that `replaced` was told last
    /// What is shown to the authority instead, for one that opens no connections: of the same identity. One that is
    /// not there yet is asked for like a renewal.
    std::optional<CredentialFiles> asked_with = {};
  };
  /// Fails: as feed::load, but where it can be asked for. Before start().
  base::Result<void> keep(Kept kept);
  /// From now on these and no others; what they were `told` counts. On the main loop.
  void keep_only(std::vector<Kept> kept);
  /// From now on the feed may speak of these roots besides the provider's; of new ones it is asked at once. On the main
  /// loop.
  void use_other_roots(const std::vector<std::vector<x509::Certificate>>& files);
  /// DATA/NAME.key and DATA/NAME.pem.
  CredentialFiles files(const std::string& name) const { return CredentialFiles::in(options_.data, name); }

  /// Follows the feed and renews from now on.
  void start(Follower::Changed changed);

  /// Another process keeps the files in `data` from now on; we only know, and serve. And back again.
  void leave_files_to_another();
  void take_files_back();

  net::Loop& loop() { return loop_; }
  const Knowledge& knowledge() const { return knowledge_; }
  /// Noted from any thread; the authority is told within a few seconds.
  Sightings& sightings() { return sightings_; }
  /// The same of what was refused.
  Refusals& refusals() { return refusals_; }
  /// The same of partners' servers. On the main loop.
  EndpointReports& endpoint_reports() { return endpoint_reports_; }
  /// How the authority is called, for links besides those of the feed.
  const AuthorityLink::Options& authority_link() const { return link_; }
  /// Seconds since the authority last answered; -1 before its first answer.
  double feed_age_seconds() const;

 private:
  DataPlane(Options options, const base::Clock& clock, const base::Log& log)
      : options_(std::move(options)), clock_(clock), log_(log) {}
  base::Result<void> learn();
  base::Result<void> learn_from_authority();
  net::Task<void> keep_fresh();
  /// What there is to tell the authority, and what to do when it heard it, and when it did not.
  struct Told {
    std::string body;
    std::function<void(const std::string& answer)> heard;
    std::function<void()> unheard;
    base::Duration pause = kTelling;  ///< before there is more
  };
  struct Telling {
    std::string target;
    std::string failed;                         ///< the record of a failure
    std::function<std::optional<Told>()> next;  ///< nothing: there is nothing to tell
  };
  net::Task<void> tell_again_and_again(Telling telling);
  Telling sightings_to_tell();
  Telling refusals_to_tell();
  Telling endpoints_to_tell();
  net::Task<base::Result<AuthorityLink>> call_authority(const tls::Credential& caller, net::Deadline deadline);
  net::Task<base::Result<std::string>> tell_now(std::string target, std::string body);
  net::Task<void> freshen(Kept& kept);
  void tell(Kept& kept, tls::Credential credential) const;
  base::Duration until_next_look() const;
  net::Task<base::Result<void>> renew_now(const Kept& kept, x509::Certificate current);
  net::Task<void> ask_for_first(Kept& kept);

  Options options_;
  const base::Clock& clock_;
  const base::Log& log_;
  net::Loop loop_;
  Knowledge knowledge_;
  Sightings sightings_;
  Refusals refusals_{knowledge_.registry()};
  EndpointReports endpoint_reports_;
  AuthorityLink::Options link_;
  std::unique_ptr<Follower> follower_;
  std::vector<std::shared_ptr<Kept>> kept_;
  bool files_are_ours_ = true;
  std::uint64_t keepings_ = 0;  ///< how often kept_ was replaced
};

}  // namespace countersign::feed
