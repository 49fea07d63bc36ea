#include "ehi/decisions.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "ehi/answers.h"
#include "http/problem.h"
#include "http/text.h"

namespace countersign::ehi {
namespace {

/// What of an internal system's request goes on to the partner; everything else stays inside.
constexpr std::array<std::string_view, 5> kForwarded = {"Content-Type", "Accept", "SOAPAction", "traceparent",
                                                        "tracestate"};
/// What of a partner's answer goes back.
constexpr std::array<std::string_view, 3> kReturned = {"Content-Type", "traceparent", "tracestate"};
constexpr std::string_view kOrderField = "X-Countersign-Order";
constexpr std::size_t kKeyBytes = 128;  // of a key that a caller chose
/// An outbox that does not answer holds up whoever waits for an outcome for so long, and whoever hands in an advice.
constexpr std::chrono::seconds kOutcomeWait{1};
constexpr std::chrono::seconds kAdviceWait{15};

template <std::size_t N>
http::Fields select(const http::Fields& from, const std::array<std::string_view, N>& names) {
  http::Fields chosen;
  for (const std::string_view name : names)
    if (const auto value = from.find(name)) chosen.add(std::string(name), std::string(*value));
  return chosen;
}

/// A key or an order, as a caller may choose it. Empty: it did not.
base::Result<std::string> read_chosen(const http::Fields& fields, std::string_view name) {
  const std::string value(fields.find(name).value_or(""));
  if (fields.count(name) > 1 || value.size() > kKeyBytes || (!value.empty() && !http::is_visible_ascii(value)))
    return base::fail(base::Kind::invalid, "ehi.bad_key",
                      std::string(name) + " must be given once, with at most 128 visible ASCII characters");
  return value;
}

std::vector<std::pair<std::string, std::string>> to_pairs(const http::Fields& fields) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const http::Field& field : fields)
    pairs.emplace_back(field.name, field.value);
  return pairs;
}

void count(Lane::Counts& counts, Mode decided_by) {
  switch (decided_by) {
    case Mode::plain: return;
    case Mode::decline: ++counts.declined; return;
    case Mode::stand_in: ++counts.stood_in; return;
    case Mode::advice_only: ++counts.undecided; return;
  }
}

}  // namespace

/// A call, and who waits for it until the deadline.
struct Decisions::Race {
  explicit Race(net::Executor executor) : done(executor) {}
  net::Wakeup done;
  std::shared_ptr<Channel::Progress> progress = std::make_shared<Channel::Progress>();
  std::optional<Answer> answer = {};
  bool over = false;  ///< nobody waits any more
};

/// What was asked, as far as it is needed when the partner did not answer.
struct Decisions::Asked {
  std::string key;
  std::string order_key;
  http::Fields fields;
  std::string body;
  base::Fields record;
};

Decisions::Decisions(net::Loop& loop, OutboxDesk& desk, crypto::Random& random, const base::Clock& clock,
                     const base::Log& log)
    : loop_(loop), desk_(desk), random_(random), clock_(clock), log_(log) {}

base::Result<std::string> Decisions::make_key() {
  std::array<std::uint8_t, 16> bytes{};
  BASE_TRY_VOID(random_.fill(bytes));
  return base::to_hex(bytes);
}

base::Result<std::string> Decisions::key_of(const http::Request& request) {
  BASE_TRY(std::string chosen, read_chosen(request.head.fields, kKeyField));
  if (!chosen.empty()) return chosen;
  return make_key();
}

/// The call goes on behind the deadline for a while, so that a late answer is recorded, and the connection is kept.
net::Task<Answer> Decisions::ask_in_time(Lane& lane, http::Request request) {
  const net::Deadline deadline = net::Deadline::after(lane.endpoint.deadline);
  const auto race = std::make_shared<Race>(loop_.executor());
  net::spawn(loop_, run(lane, std::move(request), deadline, race), "ehi.call", log_);
  (void)co_await race->done.wait(deadline);
  if (race->answer) co_return std::move(*race->answer);
  race->over = true;
  lane.decisions.give_up(*race->progress);
  co_return base::unexpected(CallFailure{
      {base::Kind::timeout, "ehi.timeout", "'" + lane.endpoint.name.text() + "' did not answer within its deadline"}});
}

net::Task<void> Decisions::run(Lane& lane, http::Request request, net::Deadline deadline, std::shared_ptr<Race> race) {
  const auto begun = std::chrono::steady_clock::now();
  // Not a byte of a decision leaves when its time is over: it was decided otherwise by then.
  const Channel::Times times{deadline, {deadline.at + lane.endpoint.late_time}};
  Answer answer = co_await lane.decisions.ask(std::move(request), times, race->progress);
  if (!race->over && !(answer && deadline.passed())) {
    race->answer = std::move(answer);
    race->done.wake();
    co_return;
  }
  if (!answer) co_return;
  ++lane.counts.late;
  const auto took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - begun);
  log_.warning("ehi.late_answer", {{"endpoint", lane.endpoint.name.text()},
                                   {"status", answer->status},
                                   {"site", name(race->progress->site)},
                                   {"micros", took.count()}});
}

net::Task<http::Response> Decisions::decide(Lane& lane, std::string caller, http::Request request) {
  const auto begun = std::chrono::steady_clock::now();
  const bool plain = lane.endpoint.fallback.mode == Mode::plain;
  Asked asked;
  asked.fields = select(request.head.fields, kForwarded);
  http::Request onward;
  onward.head.fields = asked.fields;
  if (!plain) {
    auto key = key_of(request);
    auto order_key = read_chosen(request.head.fields, kOrderField);
    if (!key || !order_key) co_return http::to_problem(!key ? key.error() : order_key.error());
    asked.key = std::move(*key);
    asked.order_key = std::move(*order_key);
    onward.head.fields.set(std::string(kKeyField), asked.key);
    onward.head.fields.set(std::string(kAttemptField), "1");
    asked.body = request.body;
  }
  onward.body = std::move(request.body);
  Answer answer = co_await ask_in_time(lane, std::move(onward));
  const auto took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - begun);
  asked.record = {{"endpoint", lane.endpoint.name.text()}, {"caller", caller}, {"micros", took.count()}};
  if (answer && !plain)
    if (auto unacknowledged = check(lane.endpoint.acknowledgement, *answer))
      answer = base::unexpected(CallFailure{std::move(*unacknowledged)});
  if (!answer) co_return co_await fall_back(lane, std::move(asked), std::move(answer).error());
  ++lane.counts.answered;
  lane.trouble.end();
  asked.record.emplace_back("status", answer->status);
  log_.info("ehi.call", asked.record);
  http::Response response;
  response.status = answer->status;
  response.fields = select(answer->fields, kReturned);
  if (!plain) response.fields.set(std::string(kDecidedByField), "partner");
  response.body = std::move(answer->body);
  co_return response;
}

/// Nothing is told before it is on disk: what was decided without the partner must reach the partner.
net::Task<http::Response> Decisions::fall_back(Lane& lane, Asked asked, CallFailure failure) {
  ++lane.counts.failed;
  lane.trouble.note(failure, clock_.now());
  if (is_refusal(failure)) ++lane.counts.refused;
  asked.record.emplace_back("code", failure.error.code);
  asked.record.emplace_back("error", base::to_string(failure.error));
  if (failure.refusal)
    for (base::Field& field : trust::to_fields(*failure.refusal))
      asked.record.push_back(std::move(field));
  if (lane.endpoint.fallback.mode == Mode::plain) {
    log_.warning("ehi.call_failed", asked.record);
    co_return to_response(failure);
  }
  Outcome outcome = ehi::decide(lane.endpoint.fallback, asked.body);
  http::Fields said = asked.fields;
  describe(said, {outcome, failure});
  said.set("X-Countersign-Decided-At", base::to_rfc3339_millis(clock_.now()));
  outbox::Draft draft{.endpoint = lane.endpoint.name.text(),
                      .key = asked.key,
                      .order_key = asked.order_key,
                      .kind = "outcome",
                      .fields = to_pairs(said),
                      .body = std::move(asked.body),
                      .stands_for = outcome.outcome,
                      .attempts = 1,
                      .keep = lane.endpoint.advice.keep};
  const auto put = co_await put_outcome(lane, std::move(draft));
  if (!put) {
    ++lane.counts.unrecorded;
    asked.record.emplace_back("outbox", base::to_string(put.error()));
    log_.error("ehi.undecided", asked.record);
    co_return to_undecided(failure, put.error());
  }
  count(lane.counts, outcome.decided_by);
  asked.record.emplace_back("decided_by", name(outcome.decided_by));
  asked.record.emplace_back("outcome", outcome.outcome);
  asked.record.emplace_back("advice", put->id);
  log_.warning("ehi.call_failed", asked.record);
  http::Response response;
  response.status = outcome.reply.status;
  response.fields.add("Content-Type", outcome.reply.content_type);
  describe(response.fields, {outcome, failure});
  response.fields.set("X-Countersign-Advice", std::to_string(put->id));
  response.body = std::move(outcome.reply.body);
  co_return response;
}

/// A caller may ask twice with one key; the second outcome is a message of its own all the same.
net::Task<base::Result<outbox::Outbox::Accepted>> Decisions::put_outcome(Lane& lane, outbox::Draft draft) {
  const net::Deadline deadline = net::Deadline::after(kOutcomeWait);
  outbox::Draft first = draft;
  auto put = co_await desk_.put(std::move(first), deadline);
  if (!put && put.error().code == "outbox.key_reused") {
    BASE_CO_TRY(const std::string fresh, make_key());
    draft.key = fresh;
    put = co_await desk_.put(std::move(draft), deadline);
  }
  if (put) lane.delivery.nudge();
  co_return std::move(put);
}

net::Task<http::Response> Decisions::take_advice(Lane& lane, std::string caller, http::Request request) {
  auto key = key_of(request);
  auto order_key = read_chosen(request.head.fields, kOrderField);
  if (!key || !order_key) co_return http::to_problem(!key ? key.error() : order_key.error());
  outbox::Draft draft{.endpoint = lane.endpoint.name.text(),
                      .key = *key,
                      .order_key = std::move(*order_key),
                      .kind = "advice",
                      .fields = to_pairs(select(request.head.fields, kForwarded)),
                      .body = std::move(request.body),
                      .keep = lane.endpoint.advice.keep};
  const net::Deadline deadline = net::Deadline::after(kAdviceWait);
  const auto put = co_await desk_.put(std::move(draft), deadline);
  base::Fields record{{"endpoint", lane.endpoint.name.text()}, {"caller", caller}, {"key", *key}};
  if (!put) {
    record.emplace_back("error", base::to_string(put.error()));
    log_.warning("ehi.advice_not_taken", record);
    co_return http::to_problem(put.error());
  }
  if (!put->repeated) ++lane.counts.advices;
  lane.delivery.nudge();
  record.emplace_back("id", put->id);
  log_.info("ehi.advice_taken", record);
  co_return http::json_response(202, base::json::serialize(base::json::object{
                                         {"id", put->id}, {"idempotency_key", *key}, {"repeated", put->repeated}}));
}

}  // namespace countersign::ehi
