// Reception: the server's half of a handshake from the ClientHello on: which site, and whether a session is resumed.
// Private to tls.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "tls/session_memory.h"
#include "tls/site.h"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace countersign::tls {

/// The hooks by which libssl asks Reception. On every server context; without a Reception attached they refuse.
void install_reception(SSL_CTX* context, Resumption resumption);

class Reception;
/// Of the handshake that `ssl` is in; null where there is none, as at a client's.
Reception* reception_of(const SSL* ssl);

class Reception {
 public:
  /// What the full handshake that ends now proved; null: nothing that may be resumed.
  using MakeOrigin = std::function<std::shared_ptr<const SessionOrigin>()>;

  explicit Reception(Entrance entrance) : entrance_(std::move(entrance)) {}

  const ServerContext& first() const { return *entrance_.first; }
  /// Null until a ClientHello was met.
  const std::shared_ptr<const Site>& site() const { return site_; }
  /// As the first ClientHello said it, whatever a second one says; canonical.
  const std::string& server_name() const { return server_name_; }
  /// A ClientHello was there and no site had its name.
  bool turned_away() const { return turned_away_; }
  /// The client asked for a staple, its site's certificate must have one, and there is none: that was the end.
  bool lacked_staple() const { return lacked_staple_; }
  void note_no_staple() { lacked_staple_ = true; }

  /// Of the site and this name: what a session is bound to.
  const crypto::Digest256& policy() const { return policy_; }
  /// How sessions of this handshake come by their origin; asked once the client's Finished was checked.
  void make_origin_by(MakeOrigin make) { make_origin_ = std::move(make); }
  /// The origin of the session that this finished handshake resumed; null when it resumed none, or one of another
  /// policy.
  std::shared_ptr<const SessionOrigin> resumed_from(SSL* ssl) const;

  /// The handshake is over, and good. Keeps the session of TLS 1.2 (those of 1.3 were kept as they were sent).
  void finish(SSL* ssl);
  /// For the record of whoever waits: this one was refused.
  void note_refused() const {
    if (entrance_.refused) entrance_.refused();
  }

  // Asked by libssl.
  /// False: `alert` is sent, and that is the end.
  bool meet(SSL* ssl, int& alert);
  SSL_SESSION* recall(SSL* ssl, std::span<const unsigned char> id);
  void keep(SSL* ssl, SSL_SESSION* session);
  /// The ticket that is about to be sent tells how long it is good for.
  void date(SSL* ssl);

 private:
  std::shared_ptr<const SessionOrigin> origin_of(SSL* ssl, SSL_SESSION* session);

  Entrance entrance_;
  std::shared_ptr<const Site> site_ = {};
  std::string server_name_ = {};
  crypto::Digest256 policy_ = {};  ///< the site's, and for this name
  bool turned_away_ = false;
  bool lacked_staple_ = false;
  MakeOrigin make_origin_ = {};
  std::shared_ptr<const SessionOrigin> own_origin_ = {};  ///< of this handshake, where it is a full one
};

}  // namespace countersign::tls
