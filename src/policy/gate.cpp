#include "policy/gate.h"

#include <algorithm>
#include <bit>

#include "http/problem.h"
#include "policy/api_key.h"

namespace countersign::policy {
namespace {

constexpr std::int64_t kNanosOfSecond = 1'000'000'000;
/// Of a path in an answer or a record.
constexpr std::size_t kLongestPathTold = 256;

std::string describe(const Caller& caller, const Request& request) {
  const std::string who = caller.identity() ? caller.application() : "a client without certificate";
  return who + " asked for " + std::string(request.method) + " " +
         std::string(request.path.substr(0, kLongestPathTold)) + " on " + std::string(request.host);
}

}  // namespace

void Gate::replace(PolicyPointer policy) {
  policy_.publish(std::move(policy));
  generation_.fetch_add(1, std::memory_order_release);
}

/// The generation first: a policy that comes in between is then only taken twice, never missed.
void View::refresh() {
  const std::uint64_t generation = gate_.generation();
  if (generation == generation_) return;
  const auto own = std::make_shared<const PolicyPointer>(gate_.policy());
  policy_ = PolicyPointer(own, own->get());
  generation_ = generation;
}

Permit::~Permit() {
  if (position_ == nullptr) return;
  position_->application->end();
  if (position_->organisation != nullptr) position_->organisation->end();
}

void Permit::received(std::uint64_t bytes) {
  position_->application->charge_in(position_->rights.application_limits(), bytes, now_);
  if (position_->organisation != nullptr)
    position_->organisation->charge_in(position_->rights.organisation_limits(), bytes, now_);
}

void Permit::sent(std::uint64_t bytes) {
  position_->application->charge_out(position_->rights.application_limits(), bytes, now_);
  if (position_->organisation != nullptr)
    position_->organisation->charge_out(position_->rights.organisation_limits(), bytes, now_);
}

std::optional<Excess> Permit::go_on(Now now) {
  now_ = now;
  const Rights& rights = position_->rights;
  if (rights.mode() != Mode::enforce) return std::nullopt;
  if (const auto excess = position_->application->over_bytes(rights.application_limits(), now)) return excess;
  if (position_->organisation == nullptr) return std::nullopt;
  return position_->organisation->over_bytes(rights.organisation_limits(), now);
}

/// A policy that was replaced by an equal one is another one all the same.
bool Permit::is_outdated(const View& view) const { return view.gate_.policy().get() != policy_.get(); }

bool Permit::withholds(std::string_view field) const {
  const std::string_view withheld = policy_->withheld_field();
  return !withheld.empty() && is_spelling_of(field, withheld);
}

http::Response Denial::to_response() const {
  const Explanation& why = explanation(reason);
  http::Response response = http::to_problem({base::Kind::denied, std::string(why.code), detail}, why.status);
  if (is_limit(reason)) response.fields.add("Retry-After", std::to_string(retry_after_seconds));
  return response;
}

Standing::Standing(View& view, Caller caller, std::string_view address)
    : view_(view), caller_(std::move(caller)), address_text_(address), address_(net::Address::parse(address)) {}

void Standing::take_position(Now now) {
  Gate& gate = view_.gate_;
  auto application = gate.applications_.of(caller_.application(), now);
  auto organisation = caller_.identity() ? gate.organisations_.of(caller_.organisation(), now) : nullptr;
  position_ = std::make_shared<const Position>(
      Position{Rights(*view_.policy_, caller_), std::move(application), std::move(organisation)});
  generation_ = view_.generation_;
}

/// Begins the request in both accounts, or in neither. With `enforced` false it is begun whatever limits say.
std::optional<Excess> Standing::begin(bool enforced, Now now) const {
  const Rights& rights = position_->rights;
  Account& application = *position_->application;
  auto excess = application.begin(rights.application_limits(), now);
  if (excess && enforced) {
    application.end();
    return excess;
  }
  if (position_->organisation == nullptr) return excess;
  const auto of_all = position_->organisation->begin(rights.organisation_limits(), now);
  if (of_all && enforced) {
    application.take_back(rights.application_limits());
    application.end();
    position_->organisation->end();
  }
  return excess ? excess : of_all;
}

base::Result<Permit, Denial> Standing::decide(const Request& request, Now now) {
  view_.refresh();
  if (generation_ != view_.generation_) take_position(now);
  const Rights& rights = position_->rights;
  const Mode mode = rights.mode();
  const bool enforced = mode == Mode::enforce;
  const Verdict verdict = mode == Mode::off ? Verdict{std::nullopt} : judge(rights, request, address_);
  if (verdict.refusal && enforced) return base::unexpected(deny(request, *verdict.refusal, verdict.grant, 0));
  const auto excess = begin(enforced, now);
  if (excess && enforced) return base::unexpected(deny(request, excess->reason, nullptr, excess->wait_nanos));
  if (verdict.refusal) record_would_refuse(request, *verdict.refusal);
  else if (excess && mode == Mode::observe) record_would_refuse(request, excess->reason);
  position_->application->count_permitted();
  return Permit(view_.policy_, position_, now);
}

/// Over a limit: the first, the second, the fourth ... time of an application only.
bool Standing::is_worth_a_record(Reason reason, std::uint64_t count) const {
  return !is_limit(reason) || std::has_single_bit(count);
}

base::Fields Standing::record(const Request& request, Reason reason) const {
  return {{"code", explanation(reason).code},
          {"application", caller_.application()},
          {"address", address_text_},
          {"method", request.method},
          {"host", request.host},
          {"path", request.path.substr(0, kLongestPathTold)},
          {"generation", generation_}};
}

void Standing::record_would_refuse(const Request& request, Reason reason) {
  const std::uint64_t count = position_->application->count_would_refuse(reason);
  if (!is_worth_a_record(reason, count)) return;
  base::Fields fields = record(request, reason);
  fields.emplace_back("count", count);
  view_.gate_.log_.info("policy.would_refuse", fields);
}

Denial Standing::deny(const Request& request, Reason reason, const Grant* grant, std::int64_t wait_nanos) {
  const Explanation& why = explanation(reason);
  const std::uint64_t count = position_->application->count_refused(reason);
  if (is_worth_a_record(reason, count)) {
    base::Fields fields = record(request, reason);
    if (grant != nullptr) fields.emplace_back("grant", grant->name);
    fields.emplace_back("count", count);
    view_.gate_.log_.warning("policy.refused", fields);
  }
  const std::int64_t seconds = std::max<std::int64_t>(1, (wait_nanos + kNanosOfSecond - 1) / kNanosOfSecond);
  return {reason, describe(caller_, request) + ": " + std::string(why.meaning) + " " + std::string(why.remedy),
          seconds};
}

}  // namespace countersign::policy
