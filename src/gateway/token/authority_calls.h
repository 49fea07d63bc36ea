// AuthorityCalls: calls of partners to the authorisation server, carried over the gateway's own link to the authority.
// The gateway holds no token keys and decides nothing of them. One for each worker, on its loop.
#pragma once

#include <deque>
#include <memory>

#include "base/published.h"
#include "feed/authority_link.h"
#include "net/signal.h"
#include "oauth/refusal.h"
#include "oauth/relay.h"

namespace countersign::gateway {

/// Calls of one worker under way at once, and of one application among them; more get 503.
inline constexpr std::size_t kTokenCalls = 32;
inline constexpr std::size_t kTokenCallsOfOne = 4;
inline constexpr std::size_t kIdleLinks = 4;
/// Shorter than the authority keeps an idle connection.
inline constexpr base::Duration kLinkIdleTime = std::chrono::seconds(20);
inline constexpr base::Duration kTokenCallTime = std::chrono::seconds(10);

class AuthorityCalls {
 public:
  /// Borrowed; `own` is the gateway's service credential, null until it is there.
  struct Parts {
    net::Loop& loop;
    const feed::AuthorityLink::Options& link;
    const base::Published<tls::Credential>& own;
    const base::Clock& clock;
    const base::Log& log;
  };
  explicit AuthorityCalls(const Parts& parts) : parts_(parts) {}
  AuthorityCalls(const AuthorityCalls&) = delete;

  /// Somebody who asks, and may be gone before there is an answer.
  class Asker {
   public:
    explicit Asker(AuthorityCalls& calls) : woken_(calls.parts_.loop) {}
    Asker(const Asker&) = delete;
    /// Nobody is left to be answered: the call ends at once, and what the authority says to it reaches nobody.
    void give_up() noexcept;

   private:
    friend class AuthorityCalls;
    net::Signal woken_;                    ///< there is a link, or will be none, or it was given up
    feed::AuthorityLink* link_ = nullptr;  ///< that the call is on
    bool given_up_ = false;
  };
  /// What the authority answers, or 503 in OAuth's words; the record says why. Nothing once `asker`, borrowed, has
  /// given it up.
  net::Task<std::optional<http::Response>> carry(oauth::RelayedCall call, Asker& asker);
  /// Closes what is idle: before the loop ends.
  void close() { idle_.clear(); }

 private:
  struct Idle {
    std::unique_ptr<feed::AuthorityLink> link;
    net::Deadline until;
  };
  class Place;
  struct Opening;
  using Link = std::unique_ptr<feed::AuthorityLink>;
  bool is_full(const std::string& application) const;
  net::Task<base::Result<Link>> open(net::Deadline deadline);
  net::Task<void> bring(std::shared_ptr<Opening> opening);
  net::Task<base::Result<Link>> await_link(Asker& asker, net::Deadline deadline);
  Link take_idle();
  void keep(Link link);
  net::Task<base::Result<http::Response>> ask(oauth::RelayedCall call, Asker& asker);
  Parts parts_;
  /// Whose, by URN. Shared with the calls.
  std::shared_ptr<std::vector<std::string>> under_way_ = std::make_shared<std::vector<std::string>>();
  std::deque<Idle> idle_;
  std::vector<std::weak_ptr<Opening>> orphans_;  ///< links on their way to nobody: the next one takes them
};

}  // namespace countersign::gateway
