#include "gateway/token/authority_calls.h"

#include <algorithm>

namespace countersign::gateway {

/// One of the places of kTokenCalls, for as long as this lives: in the frame of a call, which a loop may destroy later
/// than the AuthorityCalls.
class AuthorityCalls::Place {
 public:
  Place(std::shared_ptr<std::vector<std::string>> taken, std::string whose)
      : taken_(std::move(taken)), whose_(std::move(whose)) {
    taken_->push_back(whose_);
  }
  ~Place() { taken_->erase(std::ranges::find(*taken_, whose_)); }
  Place(const Place&) = delete;

 private:
  const std::shared_ptr<std::vector<std::string>> taken_;
  const std::string whose_;
};

bool AuthorityCalls::is_full(const std::string& application) const {
  if (under_way_->size() >= kTokenCalls) return true;
  return static_cast<std::size_t>(std::ranges::count(*under_way_, application)) >= kTokenCallsOfOne;
}

net::Task<base::Result<std::unique_ptr<feed::AuthorityLink>>> AuthorityCalls::open(net::Deadline deadline) {
  while (!idle_.empty()) {
    Idle newest = std::move(idle_.back());
    idle_.pop_back();
    if (!newest.until.passed()) co_return std::move(newest.link);
  }
  const std::shared_ptr<const tls::Credential> own = parts_.own.take();
  if (own == nullptr)
    co_return base::fail(base::Kind::unavailable, "gateway.no_credential", "the gateway has no service certificate");
  BASE_CO_TRY(auto context, tls::ClientContext::make(own.get()));
  auto link = co_await feed::AuthorityLink::open(parts_.loop, parts_.link, std::move(context), parts_.clock, deadline);
  if (!link) co_return base::unexpected(std::move(link).error());
  co_return std::make_unique<feed::AuthorityLink>(std::move(*link));
}

net::Task<base::Result<http::Response>> AuthorityCalls::ask(oauth::RelayedCall call) {
  const net::Deadline deadline = net::Deadline::after(kTokenCallTime);
  BASE_CO_TRY(std::unique_ptr<feed::AuthorityLink> link, co_await open(deadline));
  std::string message = base::json::serialize(oauth::to_json(call));
  std::string path(oauth::kRelayPath);
  // Not sent again when it fails: an assertion can be used once.
  auto answer = co_await link->post(std::move(path), std::move(message), deadline);
  if (!answer) co_return base::unexpected(std::move(answer).error());
  if (idle_.size() < kIdleLinks) idle_.push_back({std::move(link), net::Deadline::after(kLinkIdleTime)});
  co_return oauth::relayed_answer(*answer);
}

net::Task<http::Response> AuthorityCalls::carry(oauth::RelayedCall call) {
  const std::string whose = call.peer ? call.peer->identity.to_urn() : call.address;
  const std::string path = call.path;
  base::Result<http::Response> answer =
      base::fail(base::Kind::unavailable, "gateway.token_calls", "too many calls are under way");
  if (!is_full(whose)) {
    const Place place(under_way_, whose);
    answer = co_await ask(std::move(call));
  }
  if (answer) co_return std::move(*answer);
  const oauth::Refusal refusal{oauth::Reason::unavailable};
  parts_.log.warning("token.call_failed", {{"code", oauth::explanation(refusal.reason).code},
                                           {"path", path},
                                           {"application", whose},
                                           {"error", base::to_string(answer.error())}});
  co_return oauth::to_endpoint_response(refusal);
}

}  // namespace countersign::gateway
