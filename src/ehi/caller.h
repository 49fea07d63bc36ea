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
  /// `ehi.refused`, `ehi.pin_mismatch`, `ehi.refused_by_partner`, `ehi.timeout`, `ehi.unreachable`, `ehi.no_tls`,
  /// `ehi.bad_answer`, `ehi.no_certificate`
  base::Error error;
  std::optional<trust::Refusal> refusal = {};
  /// May a byte of the request have left? If not, it can go elsewhere.
  enum class Sent { nothing, maybe } sent = Sent::nothing;
};

/// Where one call goes, and until when.
struct CallPlan {
  const http::Url* url;        ///< borrowed
  net::Deadline connected_by;  ///< nothing is sent on a connection that comes about later
  net::Deadline answered_by;
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

  /// Sends the request and gives back the answer as it came, whatever its status. Deadlines are those of sockets: up to
  /// 40 ms late.
  net::Task<base::Result<http::Response, CallFailure>> call(const Endpoint& endpoint, http::Request request,
                                                            CallPlan plan);
  /// To the endpoint's URL within its deadline.
  net::Task<base::Result<http::Response, CallFailure>> call(const Endpoint& endpoint, http::Request request);
  /// Connects and verifies the server, and keeps the connection for a call to come.
  net::Task<base::Result<void, CallFailure>> probe(const Endpoint& endpoint, CallPlan plan);
  /// Closes what is not to be used any more: idle for too long, or made with a certificate of before. To be called
  /// often.
  void close_idle();
  /// Connections kept.
  std::size_t warm() const;

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
  std::unique_ptr<Line> take_warm(const Endpoint& endpoint, const http::Url& url);
  void keep_warm(std::unique_ptr<Line> line);
  bool is_of_today(const Line& line) const;
  net::Task<base::Result<std::unique_ptr<Line>, CallFailure>> open(const Endpoint& endpoint, CallPlan plan);
  net::Task<base::Result<http::Response, CallFailure>> send(const Endpoint& endpoint, std::unique_ptr<Line> line,
                                                            http::Request request, CallPlan plan);

  net::Loop& loop_;
  const EhiConfig& config_;
  const base::Clock& clock_;
  std::map<base::Environment, Own> own_;
  std::map<std::string, std::deque<Warm>, std::less<>> warm_;  ///< by endpoint and host, newest at the back
};

}  // namespace countersign::ehi
