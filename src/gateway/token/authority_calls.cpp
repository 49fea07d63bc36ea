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

/// A link that is being opened. Whoever wants it may go: it takes as long as it takes, and then serves the next one.
struct AuthorityCalls::Opening {
  net::Signal* waits;  ///< of whoever wants it; null: nobody does
  std::optional<base::Result<Link>> outcome = {};
};

void AuthorityCalls::Asker::give_up() noexcept {
  given_up_ = true;
  if (link_ != nullptr) link_->abort();
  woken_.raise();
}

net::Task<base::Result<AuthorityCalls::Link>> AuthorityCalls::open(net::Deadline deadline) {
  const std::shared_ptr<const tls::Credential> own = parts_.own.take();
  if (own == nullptr)
    co_return base::fail(base::Kind::unavailable, "gateway.no_credential", "the gateway has no service certificate");
  BASE_CO_TRY(auto context, tls::ClientContext::make(own.get()));
  auto link = co_await feed::AuthorityLink::open(parts_.loop, parts_.link, std::move(context), parts_.clock, deadline);
  if (!link) co_return base::unexpected(std::move(link).error());
  co_return std::make_unique<feed::AuthorityLink>(std::move(*link));
}

net::Task<void> AuthorityCalls::bring(std::shared_ptr<Opening> opening) {
  auto link = co_await open(net::Deadline::after(kTokenCallTime));
  opening->outcome.emplace(std::move(link));
  if (opening->waits != nullptr) opening->waits->raise();
  else if (*opening->outcome) keep(std::move(**opening->outcome));
}

AuthorityCalls::Link AuthorityCalls::take_idle() {
  while (!idle_.empty()) {
    Idle newest = std::move(idle_.back());
    idle_.pop_back();
    if (!newest.until.passed() && newest.link->is_believed(parts_.clock.now())) return std::move(newest.link);
  }
  return nullptr;
}

void AuthorityCalls::keep(Link link) {
  if (idle_.size() < kIdleLinks) idle_.push_back({std::move(link), net::Deadline::after(kLinkIdleTime)});
}

net::Task<base::Result<AuthorityCalls::Link>> AuthorityCalls::await_link(Asker& asker, net::Deadline deadline) {
  if (Link kept = take_idle()) co_return kept;
  std::shared_ptr<Opening> opening;
  while (opening == nullptr && !orphans_.empty()) {
    opening = orphans_.back().lock();
    orphans_.pop_back();
  }
  if (opening != nullptr && !opening->outcome) {
    opening->waits = &asker.woken_;
  } else {
    opening = std::make_shared<Opening>(Opening{&asker.woken_});
    net::spawn(parts_.loop, bring(opening), "gateway.authority_link", parts_.log);
  }
  bool waits = true;
  while (waits && !opening->outcome && !asker.given_up_)
    waits = co_await asker.woken_.wait(deadline);
  opening->waits = nullptr;
  if (opening->outcome && !asker.given_up_) co_return std::move(*opening->outcome);
  if (!opening->outcome) orphans_.push_back(opening);
  else if (*opening->outcome) keep(std::move(**opening->outcome));
  co_return base::fail(base::Kind::timeout, "net.timeout", "the authority was not reached in time");
}

net::Task<base::Result<http::Response>> AuthorityCalls::ask(oauth::RelayedCall call, Asker& asker) {
  const net::Deadline deadline = net::Deadline::after(kTokenCallTime);
  BASE_CO_TRY(Link link, co_await await_link(asker, deadline));
  std::string message = base::json::serialize(oauth::to_json(call));
  std::string path(oauth::kRelayPath);
  asker.link_ = link.get();
  // Not sent again when it fails: an assertion can be used once.
  auto answer = co_await link->post(std::move(path), std::move(message), deadline);
  asker.link_ = nullptr;
  if (!answer) co_return base::unexpected(std::move(answer).error());
  keep(std::move(link));
  co_return oauth::relayed_answer(*answer);
}

net::Task<std::optional<http::Response>> AuthorityCalls::carry(oauth::RelayedCall call, Asker& asker) {
  if (asker.given_up_) co_return std::nullopt;  // before it could be woken
  const std::string whose = call.peer ? call.peer->identity.to_urn() : call.address;
  const std::string path = call.path;
  base::Result<http::Response> answer =
      base::fail(base::Kind::unavailable, "gateway.token_calls", "too many calls are under way");
  if (!is_full(whose)) {
    const Place place(under_way_, whose);
    answer = co_await ask(std::move(call), asker);
    if (asker.given_up_) co_return std::nullopt;
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
