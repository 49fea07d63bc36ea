#include "gateway/stapling/stapled_certificate.h"

#include <algorithm>

#include "http/url.h"

namespace countersign::gateway {
namespace {

using tls::OwnStaple;

/// RFC 6960 section 3.1; over plain HTTP, since https would have to be verified first.
std::string responder_of(const x509::Certificate& leaf, const OcspSettings& settings) {
  if (!settings.responder.empty()) return settings.responder;
  for (const std::string& url : leaf.information_access().ocsp)
    if (const auto parsed = http::Url::parse(url); parsed && !parsed->secure) return url;
  return "";
}

OwnStaple::Without without(const x509::Certificate& leaf) {
  return x509::demands_staple(leaf) ? OwnStaple::Without::no_handshake : OwnStaple::Without::certificate_alone;
}

}  // namespace

std::string StapledCertificate::why_not(const std::vector<x509::Certificate>& chain, const OcspSettings& settings) {
  if (!settings.stapling) return "ocsp_stapling is off";
  if (responder_of(chain.front(), settings).empty())
    return "the certificate names no OCSP responder at an http:// address, and neither does ocsp_responder";
  if (chain.size() < 2 || !chain.front().is_signed_by(chain[1].public_key()))
    return "the certificate's issuer does not follow it in its file, and a response cannot be verified without";
  return "";
}

std::optional<StapledCertificate::Unstapled> StapledCertificate::unstapled(const std::vector<x509::Certificate>& chain,
                                                                           const OcspSettings& settings) {
  std::string why = why_not(chain, settings);
  const x509::Certificate& leaf = chain.front();
  const bool must = x509::demands_staple(leaf);
  const bool names_one = !settings.responder.empty() || !leaf.information_access().ocsp.empty();
  if (why.empty() || !(must || (settings.stapling && names_one))) return std::nullopt;
  return Unstapled{std::move(why), must, must && settings.stapling ? base::Level::error : base::Level::warning};
}

std::shared_ptr<StapledCertificate> StapledCertificate::make(const std::vector<x509::Certificate>& chain,
                                                             const OcspSettings& settings, const base::Clock& clock) {
  if (!why_not(chain, settings).empty()) return nullptr;
  auto question = x509::make_staple_request(chain[0], chain[1]);
  if (!question) return nullptr;
  return std::shared_ptr<StapledCertificate>(
      new StapledCertificate(chain, responder_of(chain.front(), settings), std::move(*question), clock));
}

StapledCertificate::StapledCertificate(const std::vector<x509::Certificate>& chain, std::string responder,
                                       base::Bytes question, const base::Clock& clock)
    : leaf_(chain[0]),
      issuer_(chain[1]),
      responder_(std::move(responder)),
      question_(std::move(question)),
      must_(x509::demands_staple(leaf_)),
      staple_(without(leaf_), clock) {}

StapledCertificate::State StapledCertificate::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

bool StapledCertificate::lacks() const { return must_ && staple_.current() == nullptr && !state().revoked; }

StapledCertificate::Outcome StapledCertificate::take(base::Result<base::Bytes> answer, base::Instant now,
                                                     const StaplePace& pace, Dice& dice) {
  asked_at_ = now;
  if (!answer) return take_refusal(no_staple(answer.error()), now, pace, dice);
  auto judged = judge_staple(std::move(*answer), leaf_, issuer_, now);
  if (!judged) return take_refusal(std::move(judged).error(), now, pace, dice);
  return take_good(std::move(*judged), now, pace, dice);
}

StapledCertificate::Outcome StapledCertificate::take_good(GoodStaple good, base::Instant now, const StaplePace& pace,
                                                          Dice& dice) {
  const State before = state();
  // A cache on the way, or somebody there, may give an old response again: what was said since holds.
  if (good.this_update < before.newest || (before.revoked && good.this_update == before.newest))
    return take_refusal({StapleTrouble::not_current, "the response is older than what was said before"}, now, pace,
                        dice);
  trouble_.reset();
  pause_ = base::Duration::zero();
  next_ = now + dice.jittered(std::clamp((good.until - now) / 2, pace.first_pause, pace.longest_rest));
  {
    const std::lock_guard lock(mutex_);
    state_.awaited = false;
    state_.revoked = false;
    state_.this_update = state_.newest = good.this_update;
    state_.until = good.until;
  }
  if (before.this_update == good.this_update && before.until == good.until) return {Change::none};
  staple_.publish(std::make_shared<const tls::Staple>(tls::Staple{std::move(good.der), good.until}));
  return {Change::renewed};
}

StapledCertificate::Outcome StapledCertificate::take_refusal(StapleRefusal refusal, base::Instant now,
                                                             const StaplePace& pace, Dice& dice) {
  const bool revoked = refusal.trouble == StapleTrouble::revoked;
  if (revoked && refusal.this_update < state().newest)
    return take_refusal({StapleTrouble::not_current, "the response is older than what was said before"}, now, pace,
                        dice);
  pause_ = pause_ == base::Duration::zero() ? pace.first_pause : std::min(pause_ * 2, pace.longest_pause);
  const base::Duration pause = lacks() ? std::min(pause_, pace.longest_pause_bare) : pause_;
  next_ = now + dice.jittered(revoked ? pace.longest_pause : pause);
  if (revoked) staple_.publish(nullptr);
  {
    const std::lock_guard lock(mutex_);
    ++state_.failures[static_cast<std::size_t>(refusal.trouble)];
    if (revoked) {
      state_.awaited = false;
      state_.revoked = true;
      state_.newest = refusal.this_update;
      state_.this_update.reset();
      state_.until.reset();
    }
  }
  const bool is_new = trouble_ != refusal.trouble;
  trouble_ = refusal.trouble;
  if (!is_new) return {Change::none};
  return {revoked ? Change::revoked : Change::failing, std::move(refusal)};
}

bool StapledCertificate::note_end(base::Instant now) {
  {
    const std::lock_guard lock(mutex_);
    if (!state_.until || now < *state_.until) return false;
    state_.this_update.reset();
    state_.until.reset();
  }
  staple_.publish(nullptr);
  if (must_) next_ = std::min(next_, now);  // the pause was made for one who has something to show
  return true;
}

void StapledCertificate::await_first() {
  const std::lock_guard lock(mutex_);
  state_.awaited = must_;
}

void StapledCertificate::adopt(const StapledCertificate& before) {
  staple_.publish(before.staple_.current());
  const State known = before.state();
  const std::lock_guard lock(mutex_);
  state_ = known;
}

bool StapledCertificate::knows_more_than(const StapledCertificate& other) const {
  const State mine = state();
  const State its = other.state();
  return mine.newest > its.newest || (mine.newest == its.newest && mine.revoked && !its.revoked);
}

}  // namespace countersign::gateway
