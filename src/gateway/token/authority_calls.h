// AuthorityCalls: calls of partners to the authorisation server, carried over the gateway's own link to the authority.
// The gateway holds no token keys and decides nothing of them. One for each worker, on its loop.
#pragma once

#include <deque>
#include <memory>

#include "base/published.h"
#include "feed/authority_link.h"
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

  /// What the authority answers, or 503 in OAuth's words; the record says why.
  net::Task<http::Response> carry(oauth::RelayedCall call);
  /// Closes what is idle: before the loop ends.
  void close() { idle_.clear(); }

 private:
  struct Idle {
    std::unique_ptr<feed::AuthorityLink> link;
    net::Deadline until;
  };
  class Place;
  bool is_full(const std::string& application) const;
  net::Task<base::Result<std::unique_ptr<feed::AuthorityLink>>> open(net::Deadline deadline);
  net::Task<base::Result<http::Response>> ask(oauth::RelayedCall call);
  Parts parts_;
  /// Whose, by URN. Shared with the calls.
  std::shared_ptr<std::vector<std::string>> under_way_ = std::make_shared<std::vector<std::string>>();
  std::deque<Idle> idle_;
};

}  // namespace countersign::gateway
