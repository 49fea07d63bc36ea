// SignedVisit: one request of a route whose messages are signed: checked whole before anything of it goes on, and what
// the exchange is given in place of the client's own side, head and identity.
//
// Lives as long as the exchange, which borrows from it.
#pragma once

#include <optional>

#include "gateway/identity_fields.h"
#include "gateway/route_table.h"
#include "gateway/signed_side.h"
#include "tls/verified_peer.h"

namespace countersign::gateway {

class SignedVisit {
 public:
  /// All is borrowed. The route has signatures.
  struct Parts {
    const Route& route;
    const Destination& destination;
    const http::RequestHead& head;
    const std::optional<tls::VerifiedPeer>& peer;
    const IdentityFields& identity;
    ClientSide& client;
    MessageSigning* signing;  ///< null where none was set up
    base::Duration step_time;
  };
  explicit SignedVisit(Parts parts);
  SignedVisit(const SignedVisit&) = delete;

  /// Reads and checks the request; nothing where it may go on, else the answer. Where it is refused, there is one
  /// record of it, `signature.refused`, and one count.
  net::Task<std::optional<http::Response>> admit();
  /// Bytes of the content that admit() has read.
  std::uint64_t received() const { return received_; }

  // After admit() has passed.
  ClientSide& client() { return *side_; }
  const http::RequestHead& head() const { return passed_ ? *passed_ : parts_.head; }
  const IdentityFields& identity() const { return identity_ ? *identity_ : parts_.identity; }
  /// The answer that the client got in place of the response.
  std::optional<int> replaced_by() const { return side_->replaced_by(); }

 private:
  const RouteSignatures& settings() const { return *parts_.route.signatures; }
  RequestQuestion question() const;
  net::Task<std::optional<http::Response>> check(MessageSigning& signing);
  net::Task<base::Result<void>> read_content();
  http::Response refused(const signatures::Refusal& refusal, MessageSigning& signing) const;
  void take(const SignedRequest& request);

  Parts parts_;
  signatures::RequestView view_;
  std::uint64_t received_ = 0;
  std::optional<HeldContent> content_;
  std::optional<http::RequestHead> passed_;  ///< without the fields of the signature
  std::optional<IdentityFields> identity_;   ///< with the signer
  std::optional<SignedSide> side_;
};

}  // namespace countersign::gateway
