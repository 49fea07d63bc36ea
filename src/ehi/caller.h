// Caller: calls a partner's server with the provider's Transport Certificate, within the endpoint's deadline.
//
// Connections are kept warm, keyed by endpoint and by the generation of our certificate, so that a renewal drains the
// old ones. A server whose certificate does not verify for its name gets no byte of the request.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "ehi/config.h"
#include "http/client.h"
#include "tls/handshake.h"

namespace countersign::ehi {

/// Why a call gave no answer: the error, and where the partner's certificate was refused, its reason.
struct CallFailure {
  base::Error error;  ///< `ehi.refused`, `ehi.refused_by_partner`, `ehi.timeout`, `ehi.unreachable`, `ehi.bad_answer`
  std::optional<trust::Refusal> refusal = {};
};

class Caller {
 public:
  /// At most this many warm connections an endpoint, each idle for at most this long.
  static constexpr std::size_t kWarmLimit = 64;
  static constexpr base::Duration kWarmTime = std::chrono::seconds(50);

  Caller(net::Loop& loop, const EhiConfig& config, const base::Clock& clock);
  ~Caller();

  /// Our certificate for an environment; connections made with an earlier one are used no more. Fails: `tls.context`.
  base::Result<void> use_credential(base::Environment environment, const tls::Credential& own);

  /// Sends `body` to the endpoint and gives back its answer as it came, whatever its status.
  net::Task<base::Result<http::Response, CallFailure>> call(const Endpoint& endpoint, http::Request request);

 private:
  struct Line;
  struct Warm {
    std::unique_ptr<Line> line;
    net::Deadline until;
  };
  struct Own {
    std::shared_ptr<const tls::ClientContext> context;
    std::uint64_t generation = 0;
  };
  std::unique_ptr<Line> take_warm(const Endpoint& endpoint);
  void keep_warm(const Endpoint& endpoint, std::unique_ptr<Line> line);
  net::Task<base::Result<std::unique_ptr<Line>, CallFailure>> open(const Endpoint& endpoint, net::Deadline deadline);
  net::Task<base::Result<http::Response, CallFailure>> send(const Endpoint& endpoint, std::unique_ptr<Line> line,
                                                            http::Request request, net::Deadline deadline);

  net::Loop& loop_;
  const EhiConfig& config_;
  const base::Clock& clock_;
  std::map<base::Environment, Own> own_;
  std::map<std::string, std::deque<Warm>, std::less<>> warm_;  ///< by endpoint name, newest at the back
};

}  // namespace countersign::ehi
