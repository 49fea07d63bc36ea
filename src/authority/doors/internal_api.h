// InternalApi: the door for the platform's own programs: the trust feed, the renewal of their certificates, and what
// they have seen in use. Nobody gets here without a certificate.
#pragma once

#include "authority/doors/api.h"
#include "authority/doors/relay_desk.h"
#include "authority/registry/feed_bell.h"

namespace countersign::authority {

/// The longest a follower may ask to wait for a change.
inline constexpr base::Duration kLongestPoll = std::chrono::seconds(30);

class InternalApi {
 public:
  /// Borrows all.
  InternalApi(const Api::Parts& parts, const Gate& gate, FeedBell& bell)
      : parts_(parts),
        gate_(gate),
        bell_(bell),
        refusals_(parts.log),
        desk_(parts.authority, parts.worker, parts.loop),
        relay_desk_(parts.authority, parts.worker, parts.loop) {}

  /// Never fails: errors are problem+json. `caller` is borrowed until it completes.
  net::Task<http::Response> respond(http::Request request, const InternalCaller& caller);

 private:
  net::Task<Answer> dispatch(const http::Request& request, const InternalCaller& caller);
  net::Task<Answer> relay(const http::Request& request, const InternalCaller& caller);
  net::Task<Answer> renew(const http::Request& request, const InternalCaller& caller);
  net::Task<Answer> snapshot();
  net::Task<Answer> changes(const http::Request& request, const InternalCaller& caller);
  net::Task<void> note_follower(const InternalCaller& caller, std::vector<std::string> holds);
  using Handler = Answer (*)(Authority&, const tls::VerifiedPeer&, const http::Request&);
  /// On the worker, in turn with every commit: who was revoked while the call waited gets nothing.
  net::Task<Answer> perform(Handler handler, const http::Request& request, const InternalCaller& caller);

  Api::Parts parts_;
  const Gate& gate_;
  FeedBell& bell_;
  Refusals refusals_;
  IssuingDesk desk_;
  RelayDesk relay_desk_;
};

}  // namespace countersign::authority
