// Site: what one name of a listener brings to a handshake, and how it judges who calls it.
//
// Which site answers is decided from the server name in the ClientHello (RFC 6066 section 3) before anything else of
// the handshake happens, and never again: the connection carries its site, and whoever serves it goes by that.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tls/context.h"
#include "trust/presented.h"

namespace countersign::tls {

class SessionMemory;

/// Judges what a client presented; called once per handshake, on the loop's thread. A judge that remembers nothing may
/// take a PresentedChain.
using JudgeClient = std::function<base::Result<trust::AdmittedChain, trust::Refusal>(const trust::Presented&)>;
/// Judges somebody whose chain was admitted before, without the chain: the same question as for a live connection.
using RejudgeClient = std::function<std::optional<trust::Refusal>(const trust::AdmittedChain&)>;

struct Site {
  std::string name;                              ///< in records; unique in its listener
  std::shared_ptr<const ServerContext> context;  ///< own certificate, mode, names of acceptable issuers
  JudgeClient judge;
  RejudgeClient rejudge = {};
  std::shared_ptr<SessionMemory> sessions = {};  ///< null: nothing is resumed
  /// Of everything that was decided for this site (listener, mode, trust, own certificate ...): a session is resumed
  /// only under the policy that it was made under.
  crypto::Digest256 policy = {};
  std::string tunnel = {};  ///< where the bytes of its connections go as they are; empty: they speak HTTP

  ClientCertificate mode() const { return context->mode(); }
};

/// The site for a server name, in lower case and without trailing dot, empty where none was sent; null: there is none,
/// and whoever asked is told unrecognized_name.
using ChooseSite = std::function<std::shared_ptr<const Site>(const std::string& server_name)>;

/// Where handshakes of a listener begin.
struct Entrance {
  std::shared_ptr<const ServerContext> first;  ///< until the ClientHello is there; of the library of all its sites
  ChooseSite choose;
  std::function<void()> refused = {};   ///< told when a judge refused, or no site had the name
  std::function<void()> our_move = {};  ///< told when the next step is ours, before it has its turn
  std::function<void()> its_move = {};  ///< told when it is the client's

  /// One site for all names, without resumption.
  static Entrance of(std::shared_ptr<const ServerContext> context, JudgeClient judge);
};

/// `name` as sites are chosen by it and hosts compared: lower case, without one trailing dot.
std::string canonical_name(std::string_view name);

}  // namespace countersign::tls
