// ApiConnection: one HTTPS connection to the authority's API on the caller's loop, opened at the first call and again
// whenever it cannot be used any more. ApiClient is the same for commands, which wait for each answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "http/client.h"
#include "tls/handshake.h"
#include "trust/trust_set.h"

namespace countersign::net {
class Loop;
}

namespace countersign::cli {

/// What the authority answered, all being well (2xx).
struct ApiAnswer {
  int status;  ///< 202: it is not done yet
  std::string body;
  base::Duration retry_after = {};  ///< of Retry-After in seconds (RFC 9110 section 10.2.3), at most a day; else zero
};

/// At whose door it is knocked, and as whom: errors are named by it, and what mends them follows from the names
/// (cli/remedy.h).
struct Door {
  std::string_view codes;       ///< how codes of what fails begin: "authority", "gateway"
  std::string_view who;         ///< "authority"
  std::string_view where;       ///< what to do where nobody is there
  std::string_view refuses_us;  ///< the code where our certificate is not accepted
};

inline constexpr std::string_view kStartOrName =
    "start it with `countersign up`, or say where it is with --authority HOST:PORT";
/// The authority's, for who renews, or shows no certificate.
inline constexpr Door kAuthorityDoor{"authority", "authority", kStartOrName, "authority.refuses_us"};
inline constexpr Door kDoorForOperators{"authority", "authority", kStartOrName, "operator.refused"};
inline constexpr Door kDoorForPeople{"authority", "authority", "say where it is with --authority HOST:PORT",
                                     "person.refused"};
inline constexpr Door kGatewayDoor{"gateway", "gateway", "say where it is with --issuer URL", "gateway.refuses_us"};

class ApiConnection {
 public:
  struct Target {
    net::Endpoint authority;
    std::string server_name;  ///< for SNI; `judge` is expected to check it
    tls::JudgeServer judge;
    std::shared_ptr<const tls::ClientContext> own;
    Door door = kAuthorityDoor;
  };
  struct Options {
    net::Endpoint authority;
    trust::TrustSet trust;
    const tls::Credential* credential = nullptr;  ///< borrowed for the call only; null: no certificate is sent
    std::string server_name = {};                 ///< the name its certificate must carry; empty: authority.host
    Door door = kAuthorityDoor;
  };
  /// Believes the authority only, by feed::JudgeAuthority. Borrows `clock`. Fails: `tls.context`.
  static base::Result<Target> believe_authority(Options options, const base::Clock& clock);

  /// Borrows `loop`.
  ApiConnection(net::Loop& loop, Target target) : loop_(loop), target_(std::move(target)) {}

  /// Fails, `authority` being what the door's codes begin with: `authority.unreachable`, `authority.refused` (we do not
  /// believe it), `authority.another_server` (nor is it the authority, but another of this provider's), what the door
  /// calls a refusal of our certificate, `authority.handshake`, `authority.call`, and whatever problem was answered,
  /// with its own code.
  net::Task<base::Result<ApiAnswer>> call(http::Request request, net::Deadline deadline);
  const net::Endpoint& authority() const { return target_.authority; }

 private:
  net::Task<base::Result<void>> open(net::Deadline deadline);
  std::string code(std::string_view what) const;
  base::Error refused_by(std::string_view alert) const;
  base::Error explained(tls::HandshakeFailure failure) const;
  base::Error explained(base::Error error) const;

  net::Loop& loop_;
  Target target_;
  std::unique_ptr<net::Stream> stream_ = nullptr;
  std::optional<http::Client> client_ = std::nullopt;
};

/// GET without a body, else POST of JSON.
http::Request to_request(std::string_view target, std::string json_body);
/// Fails: `authority.answer` when it is no JSON object.
base::Result<base::json::object> to_object(const std::string& body);
/// The error that a problem+json answer (RFC 9457) tells; for another body, one that names the status.
base::Error problem_to_error(int status, std::string_view body);

}  // namespace countersign::cli
