// Caller: calls a partner's server with the provider's Transport Certificate, within the endpoint's deadline.
//
// Over HTTP/2 or HTTP/1.1, as the partner's server chooses. Connections are kept warm, keyed by endpoint and by the
// generation of our certificate, so that a renewal drains the old ones. None is used longer than [ehi] connection_age:
// another one is made in its place beside the calls, and its server judged anew. A server whose certificate does not
// verify for its name gets no byte of the request. Lives on one loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <variant>

#include "ehi/call_failure.h"
#include "ehi/config.h"
#include "ehi/line_pool.h"
#include "ehi/message_signer.h"
#include "net/wakeup.h"

namespace countersign::ehi {

class Caller {
 public:
  /// Borrows everything.
  Caller(net::Loop& loop, const EhiConfig& config, const base::Clock& clock, const base::Log& log);
  ~Caller();

  /// Our certificate for an environment; connections made with an earlier one are used no more. Fails: `tls.context`.
  base::Result<void> use_credential(base::Environment environment, const tls::Credential& own);
  /// There is none that may be used from now on: nothing is called in that environment. `why`: for people.
  void stop_using_credential(base::Environment environment, std::string why);
  /// Are there the certificates of ours that a call takes?
  bool may_call(const Endpoint& endpoint) const;
  /// With which requests are signed where an endpoint wants that.
  MessageSigner& signer() { return signer_; }

  /// Sends the request and gives back the answer as it came, whatever its status. Deadlines are those of sockets: up to
  /// 40 ms late. It is sent once, and a second time only where it is certain that the first was not looked at.
  net::Task<base::Result<http::Response, CallFailure>> call(const Endpoint& endpoint, http::Request request,
                                                            CallPlan plan);
  /// To the endpoint's URL within its deadline.
  net::Task<base::Result<http::Response, CallFailure>> call(const Endpoint& endpoint, http::Request request);
  /// Connects and verifies the server, and keeps the connection for a call to come.
  net::Task<base::Result<void, CallFailure>> probe(const Endpoint& endpoint, CallPlan plan);
  /// Closes what is not to be used any more: idle for too long, or made with a certificate of before. To be called
  /// often.
  void close_idle() { lines_.close_idle(); }
  /// Connections kept.
  std::size_t warm() const { return lines_.size(); }

 private:
  /// A call's own connection, or one of HTTP/2 with room for it.
  using Way = std::variant<std::unique_ptr<Line>, std::shared_ptr<SharedLine>>;
  struct Opening;
  struct Own {
    std::shared_ptr<const tls::ClientContext> context;  ///< offers HTTP/2
    std::shared_ptr<const tls::ClientContext> h1_context;
    std::shared_ptr<const tls::ClientContext> unstapled;  ///< offers HTTP/2, asks for no staple
    std::shared_ptr<const tls::ClientContext> h1_unstapled;
    std::uint64_t generation = 0;
    base::Instant until = {};  ///< the end of our certificate
    std::string why_none = {};
  };
  CallFailure no_certificate(const Endpoint& endpoint) const;
  bool has_certificate(const Endpoint& endpoint) const;
  enum class Replaced { no, under_way };
  Replaced replace_if_old(const Endpoint& endpoint, const http::Url& url, const LineTerms& terms);
  net::Task<void> replace(const Endpoint& endpoint, const http::Url& url, std::string pool);
  std::optional<Way> find_way(const std::string& pool);
  net::Task<base::Result<Way, CallFailure>> find_or_open(const Endpoint& endpoint, CallPlan plan);
  net::Task<base::Result<Way, CallFailure>> open_for_all(const Endpoint& endpoint, CallPlan plan, std::string pool);
  net::Task<base::Result<Way, CallFailure>> open(const Endpoint& endpoint, CallPlan plan);
  net::Task<base::Result<http::Response>> send(const Endpoint& endpoint, Way& way, http::Request& request,
                                               CallPlan plan);
  static std::shared_ptr<const tls::ClientContext> context_for(const Own& own, const Endpoint& endpoint);

  net::Loop& loop_;
  const EhiConfig& config_;
  const base::Clock& clock_;
  const base::Log& log_;
  std::map<base::Environment, Own> own_;
  MessageSigner signer_;
  LinePool lines_;
  std::map<std::string, std::shared_ptr<Opening>, std::less<>> openings_;  ///< of what will be shared
  std::map<std::string, std::size_t, std::less<>> replacing_;  ///< connections made in the place of old ones
  std::uint64_t opened_ = 0;
};

}  // namespace countersign::ehi
