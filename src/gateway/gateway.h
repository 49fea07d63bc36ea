// Gateway: the inbound data plane put together: knowledge from the trust feed, workers, status; how it changes while it
// runs, hands over to a successor, and ends.
//
// Everything here happens on the main loop. gateway_reload.cpp holds how a generation of the configuration follows
// another.
#pragma once

#include <memory>
#include <vector>

#include "base/file_change.h"
#include "base/own_command.h"
#include "base/service_manager.h"
#include "feed/data_plane.h"
#include "gateway/handover.h"
#include "gateway/reload_report.h"
#include "gateway/stapling/staple_keeper.h"
#include "gateway/upstream/keeper.h"
#include "gateway/worker.h"
#include "http/plain_server.h"
#include "net/reload_signal.h"
#include "policy/watch.h"

namespace countersign::gateway {

/// Where the configuration comes from, at start and at each reload.
struct ConfigSource {
  std::filesystem::path file;
  std::function<base::Result<GatewayConfig>()> read;
};

class Gateway {
 public:
  /// Takes the sockets of the gateway before us, where one hands over. Borrows clock and log. Fails: `feed.none`
  /// (law 4), `config.*`, `credential.*`, `policy.*`, `net.listen`, `tls.context`, `handover.refused`.
  /// Borrows `records`, too; null: access records are written as all else that is logged.
  static base::Result<std::unique_ptr<Gateway>> make(ConfigSource source, const base::Clock& clock,
                                                     const base::Log& log, const RecordsOut* records = nullptr);

  /// Of each listener, in the order of the configuration.
  struct ListeningAt {
    std::string name;
    net::Endpoint at;
  };
  std::vector<ListeningAt> listening_at() const;
  const net::Endpoint& status_at() const { return status_->local(); }
  /// Where there is a gateway before us, it lets go now. To be called before run(). Fails: `handover.refused`.
  base::Result<void> succeed();
  /// Serves until SIGTERM or SIGINT, or until a successor serves, then drains. SIGHUP, or another content of the files,
  /// makes another generation; SIGUSR2 starts a successor.
  void run();

 private:
  Gateway(ConfigSource source, const base::Clock& clock, const base::Log& log, const RecordsOut* records)
      : source_(std::move(source)), clock_(clock), log_(log), records_(records) {}

  // Building, and building anew.
  struct Next;
  base::Result<void> begin(GatewayConfig config);
  base::Result<void> inherit(const GatewayConfig& config, std::vector<Door> given);
  base::Result<std::vector<Door>> ask_predecessor(const GatewayConfig& config);
  base::Result<void> learn(const GatewayConfig& config);
  base::Result<void> prepare_spans();
  base::Result<void> prepare_stapling();
  base::Result<Next> prepare(GatewayConfig config);
  base::Result<void> prepare_policy(Next& next) const;
  base::Result<void> prepare_certificates(Next& next) const;
  base::Result<void> prepare_workers(Next& next) const;
  void put_in_place(Next& next);
  void use_policy(Next& next);
  std::vector<feed::DataPlane::Kept> keepings(const Next& next);
  void keep_upstreams(const Next& next);
  StapleKeeper::Kept stapling_of(const tls::Credential& own, const OcspSettings& settings) const;
  void keep_staples();
  void show_certificate(std::uint64_t generation, std::size_t place, std::shared_ptr<const tls::Credential> own);
  void use_signing_key(std::shared_ptr<const tls::Credential> own);
  void watch_files_of(const GatewayConfig& config);
  void ask_feed_for_roots(const GatewayConfig& config);
  base::Result<void> take_newest();
  void reload(std::string_view why);
  net::Task<void> reload_on_signal();
  net::Task<void> reload_on_change();

  // Handing over.
  net::Task<void> start_successor_on_signal();
  net::Task<void> hand_over_at(std::filesystem::path path);
  void end_hand_over(const base::Result<int>& successor);
  net::Task<void> confirm();

  void say_what_is_weak() const;
  void say_who_may_come() const;
  std::string metrics_text() const;
  net::Task<void> stop_on_signal();
  enum class Leaving { for_good, to_successor };
  void leave(Leaving how);
  http::Response answer_ready() const;
  net::Task<http::Response> answer_status(http::Request request);
  const GatewayConfig& config() const { return now_->config(); }

  ConfigSource source_;
  const base::Clock& clock_;
  const base::Log& log_;
  const RecordsOut* records_;
  base::ServiceManager service_manager_ = base::ServiceManager::of_environment();
  std::optional<base::OwnCommand> own_command_ = {};
  Metrics metrics_;
  std::unique_ptr<SpanExporter> spans_;  ///< outlives the workers
  std::unique_ptr<StapleKeeper> staples_;
  std::vector<StapleKeeper::Kept> stapled_ = {};  ///< in the places that plans name, without their sites
  ReloadReport report_;
  GenerationPointer now_;
  std::unique_ptr<policy::Gate> gate_;
  std::unique_ptr<policy::Watch> policy_watch_;  ///< null without a policy file
  std::unique_ptr<feed::DataPlane> plane_;
  std::unique_ptr<MessageSigning> signing_;
  std::unique_ptr<TokenRings> token_rings_;
  base::Published<tls::Credential> service_;
  std::unique_ptr<UpstreamKeeper> keeper_;
  std::optional<Inheritance> inheritance_ = {};
  Doors doors_;
  std::optional<net::DescriptorDoor> successors_ = {};  ///< where they ask for what is in doors_
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<http::PlainServer> status_;
  std::vector<base::FileChange> watched_ = {};
  bool roots_missing_ = false;  ///< the newest reading failed, and might succeed once the feed has spoken of new roots
  bool handing_over_ = false;   ///< nothing changes meanwhile
  bool reload_due_ = false;     ///< it was asked for then
  bool draining_ = false;
};

}  // namespace countersign::gateway
