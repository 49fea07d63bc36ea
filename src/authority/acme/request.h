// A POST of ACME is believed for its signature (RFC 8555 section 6): over this URL, with a nonce of ours that nobody
// used before, by the key of an account or by a key that stands in the request itself. Both proofs are made here only
// (law 3).
#pragma once

#include "authority/authority.h"
#include "http/message.h"
#include "jose/jws.h"
#include "store/acme.h"

namespace countersign::authority {

/// https://HOST of this request. Fails: `acme.host` when HOST is none of the authority's own server names: whoever let
/// a client sign for a URL of theirs cannot have it taken here.
base::Result<std::string> acme_origin(Authority& authority, const http::Request& request);
std::string account_url(const std::string& origin, const std::string& id);

/// Signed by the key of an account that is valid.
class AccountRequest {
 public:
  /// Fails: `acme.content_type`, `acme.host`, `acme.url`, `acme.bad_nonce`, `acme.no_account`, `acme.account_ended`, as
  /// jose and store.
  static base::Result<AccountRequest> verify(Authority& authority, const http::Request& request);

  const store::AcmeAccountRow& account() const { return account_; }
  const jose::VerifiedJws& jws() const { return jws_; }
  const std::string& origin() const { return origin_; }
  /// POST-as-GET has none (RFC 8555 section 6.3).
  bool has_payload() const { return !jws_.payload().empty(); }
  /// Fails: `json.syntax`, `json.type`.
  base::Result<base::json::value> payload() const { return base::parse_json(jws_.payload()); }

 private:
  AccountRequest(store::AcmeAccountRow account, jose::VerifiedJws jws, std::string origin)
      : account_(std::move(account)), jws_(std::move(jws)), origin_(std::move(origin)) {}
  store::AcmeAccountRow account_;
  jose::VerifiedJws jws_;
  std::string origin_;
};

/// Signed by the key that it names itself: all that is proved is that the sender has it.
class KeyRequest {
 public:
  /// Fails: as AccountRequest::verify, and as jose::Jwk::parse.
  static base::Result<KeyRequest> verify(Authority& authority, const http::Request& request);

  const jose::Jwk& jwk() const { return jwk_; }
  const jose::VerifiedJws& jws() const { return jws_; }
  const std::string& origin() const { return origin_; }
  base::Result<base::json::value> payload() const { return base::parse_json(jws_.payload()); }

 private:
  KeyRequest(jose::Jwk jwk, jose::VerifiedJws jws, std::string origin)
      : jwk_(std::move(jwk)), jws_(std::move(jws)), origin_(std::move(origin)) {}
  jose::Jwk jwk_;
  jose::VerifiedJws jws_;
  std::string origin_;
};

/// Does the request name its key itself? Only for choosing between the two.
bool names_its_key(const http::Request& request);

/// The member `jwk` of a header. Fails: as jose::Jwk::parse, `jws.malformed` where it is absent or `kid` stands beside.
base::Result<jose::Jwk> jwk_in(const base::json::object& header);

}  // namespace countersign::authority
