// Observations: what was seen of a server, before anybody judges it. Plain data, so that judging is a pure function.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "check/asker.h"
#include "check/finding.h"
#include "check/hello.h"
#include "crypto/digest.h"
#include "tls/probe.h"
#include "trust/trust_set.h"

namespace countersign::check {

/// One request over one new connection, with a certificate of some kind or none.
struct Attempt {
  enum class End {
    answered,  ///< by HTTP: status
    alert,     ///< a fatal TLS alert, in the handshake or instead of an answer
    closed,    ///< closed or reset without a word
    late,      ///< neither, within the patience
    unclear,   ///< it came to something else: `words`
  };
  End end = End::unclear;
  int status = 0;
  crypto::Digest256 body = {};
  std::string words = {};         ///< the alert's name, what an answer looked like, or the failure: plain()
  std::string location = {};      ///< of a redirect, plain()
  bool says_certificate = false;  ///< the answer is a server's own page about a missing or bad certificate
};

/// Did the server speak a version of TLS, and what did it show then?
struct Look {
  bool offered = false;
  tls::Sighting sighting = {};  ///< up to where the server ended it, as one may that wants a certificate
  std::string failure = {};     ///< plain()
};

/// Whether a session could be resumed in one of the three ways.
struct Resumption {
  std::string_view way;  ///< "TLS 1.3", "TLS 1.2 by ticket", "TLS 1.2 by session id"
  bool tried = false;
  bool handed_out = false;  ///< a session
  bool resumed = false;
};

/// A certificate that must be refused, tried or not.
struct Impostor {
  std::optional<Attempt> attempt = {};
  std::string why_not = {};  ///< when it was not tried
};

struct Observations {
  // What it was held against.
  std::string host;
  std::shared_ptr<const trust::TrustSet> anchors;
  base::Instant at;
  base::Duration deadline;
  Asker asker = Asker::command;

  std::optional<std::string> unreachable = {};  ///< why; nothing else was tried
  std::optional<HelloAnswer> first = {};        ///< the answer to the first ClientHello
  std::string silent = {};                      ///< why there was none

  std::string unanswered = {};  ///< why a later ClientHello met neither an answer nor a refusal; empty: none did
  std::vector<WireVersion> old_versions = {};  ///< offered
  std::vector<std::string> broken_ciphers = {};
  std::vector<std::string> static_ciphers = {};
  bool compression = false;
  int finite_field_bits = 0;  ///< of DHE; 0: not offered

  Look tls13 = {};
  Look tls12 = {};
  Look oldest = {};  ///< whatever version, when neither of these was offered
  bool asked_late = false;

  std::string provider = {};                   ///< the organisation in our certificates, plain(); empty: not known
  std::vector<std::string> own_ca_names = {};  ///< DER of the subjects in our trust chain
  bool has_own = false;                        ///< is there a certificate of the provider to show?
  std::optional<Attempt> ours = {};
  std::string next_ca = {};  ///< who has issued the certificate of the CA to come, plain(); empty: there is none
  std::optional<Attempt> next = {};
  std::map<std::string, Impostor, std::less<>> impostors = {};  ///< by the name of the check

  std::vector<base::Duration> warm_requests = {};  ///< each over a connection that had served one before
  std::vector<base::Duration> cold_requests = {};  ///< each the first over its connection, handshake not counted
  std::vector<base::Duration> handshakes = {};     ///< of full ones, TCP's not counted
  std::size_t connections = 0;                     ///< that the requests took
  std::string requests_failed = {};                ///< why the measuring ended early
  int error_status = 0;                            ///< of an answer to one of them that says no; 0: there was none
  std::vector<Resumption> resumptions = {};

  ServerKind server = ServerKind::unknown;

  /// The look that certificates are judged by: of the newest version that was offered.
  const Look& best() const;
};

/// A server's refusal, said in HTTP: of the codes that servers use for it.
bool is_refusal_status(int status);

}  // namespace countersign::check
