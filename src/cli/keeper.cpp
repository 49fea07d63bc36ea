#include "cli/keeper.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "feed/renewal.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;

/// Spreads the renewals of many agents: at most this part of the time until a certificate is due.
constexpr int kJitterPart = 8;
/// So many tries fit at least into what is left of a certificate's life.
constexpr int kTriesInWhatIsLeft = 8;
constexpr std::uint32_t kMostDoublings = 20;

std::string text_of(const crypto::Digest256& digest) { return base::to_hex(digest); }

}  // namespace

fs::path Keeper::hook_mark() const {
  return options_.folder / (std::string(trust::name(options_.purpose)) + ".hook-done");
}

std::vector<base::Field> Keeper::names() const {
  return {{"dir", options_.folder.string()}, {"purpose", trust::name(options_.purpose)}};
}

base::Duration Keeper::random_part(base::Duration most) {
  std::array<std::uint8_t, 4> bytes{};
  if (!parts_.random.fill(bytes)) return {};  // no spread is no harm
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return base::Duration(static_cast<std::int64_t>(static_cast<double>(most.count()) * number / 4294967296.0));
}

/// Doubles from the first to the longest, but leaves several tries in what is left of the certificate's life.
base::Duration Keeper::fail(const Failure& failure) {
  base::Duration wait = options_.retries.first;
  for (std::uint32_t i = 0; i < std::min(state_.failures_in_a_row, kMostDoublings); ++i)
    wait = std::min(wait * 2, options_.retries.longest);
  if (state_.not_after) {
    const base::Duration left = *state_.not_after - parts_.clock.now();
    if (left > base::Duration::zero())
      wait = std::min(wait, std::max(left / kTriesInWhatIsLeft, options_.retries.first));
  }
  wait = wait * 3 / 4 + random_part(wait / 4);
  ++state_.failures_in_a_row;
  state_.exit_code = base::to_exit_code(failure.error.kind);
  std::vector<base::Field> fields = names();
  fields.emplace_back("error", base::to_string(failure.error));
  fields.emplace_back("failures_in_a_row", state_.failures_in_a_row);
  fields.emplace_back("next_try_seconds", std::chrono::duration_cast<std::chrono::seconds>(wait).count());
  parts_.log.error(failure.event, fields);
  return std::max(wait, kShortestLook);
}

/// What is there now. A certificate that was there before us needs no hook: whoever put it there brought it into use.
base::Result<void> Keeper::note(const x509::Certificate& current) {
  state_.not_before = current.not_before();
  state_.not_after = current.not_after();
  const crypto::Digest256 fingerprint = current.fingerprint();
  if (known_ == fingerprint) return {};
  const base::Instant due =
      options_.danger_renew_after ? current.not_before() + *options_.danger_renew_after : feed::due_at(current);
  const bool spread = !options_.danger_renew_after;
  due_ = due + (spread ? random_part((due - current.not_before()) / kJitterPart) : base::Duration::zero());
  std::error_code ignored;
  if (!known_ && !fs::exists(hook_mark(), ignored))
    BASE_TRY_VOID(base::write_file(hook_mark(), text_of(fingerprint) + "\n", base::FileMode::world_readable));
  known_ = fingerprint;
  state_.due = due_;
  return {};
}

/// While our clock is before a certificate's beginning, it is the clock that is wrong: certificates begin in the past.
/// What we were given now could not be judged either, so nobody is asked.
base::Duration Keeper::until_due(const x509::Certificate& current) const {
  const base::Instant now = parts_.clock.now();
  return now < current.not_before() ? kLongestLook : due_ - now;
}

net::Task<base::Result<Outcome>> Keeper::ask(const Held& held, const Question& question) {
  base::json::object body = question.body;
  if (is_late(held, options_.purpose, parts_.clock.now())) {
    BASE_CO_TRY(body, late_body(held, question));
  }
  auto answer = co_await parts_.desk.ask(held.credential, body);
  if (answer) co_return read_outcome(*answer, question.enrolment, parts_.clock.now());
  if (is_about_the_key(answer.error())) BASE_CO_TRY_VOID(drop_next_key(files()));
  co_return base::unexpected(explain_refusal(std::move(answer).error(), held, parts_.clock.now()));
}

base::Duration Keeper::wait_for(const Pending& pending) {
  state_.pending = true;
  state_.failures_in_a_row = 0;
  state_.exit_code = base::ExitCode::unavailable;
  const std::pair<std::string, std::int64_t> stands{pending.request, pending.given};
  if (std::exchange(told_, stands) != stands) {
    std::vector<base::Field> fields = names();
    fields.emplace_back("request", pending.request);
    fields.emplace_back("approvals", pending.given);
    fields.emplace_back("needed", pending.needed);
    parts_.log.info("certificate.pending", fields);
  }
  return std::min(pending.retry_after, options_.retries.longest);
}

/// Nothing when a new certificate is in place; else how long to wait.
net::Task<std::optional<base::Duration>> Keeper::renew(const Held& held) {
  state_.pending = false;
  const crypto::PrivateKey::Kind kind = options_.key_kind.value_or(kind_like(held.current.public_key()));
  auto question = prepare_renewal(held, files(), options_.purpose, kind);
  base::Result<Outcome> outcome = base::fail(base::Kind::internal, "renewal.none", "nobody was asked");
  if (question) outcome = co_await ask(held, *question);
  else outcome = base::unexpected(std::move(question).error());
  if (outcome && std::holds_alternative<Pending>(*outcome)) co_return wait_for(std::get<Pending>(*outcome));
  base::Result<void> swapped;
  if (outcome) swapped = swap_in(files(), *question, std::get<Issued>(*outcome));
  else swapped = base::unexpected(std::move(outcome).error());
  if (!swapped) {
    ++state_.failed;
    co_return fail({"certificate.renewal_failed", std::move(swapped).error()});
  }
  ++state_.renewed;
  const x509::Certificate& leaf = std::get<Issued>(*outcome).certificate;
  std::vector<base::Field> fields = names();
  fields.emplace_back("serial", leaf.serial().hex());
  fields.emplace_back("replaces", held.current.serial().hex());
  fields.emplace_back("not_after", base::to_rfc3339(leaf.not_after()));
  parts_.log.info("certificate.renewed", fields);
  co_return std::nullopt;
}

/// Runs the hook unless it has run for this certificate. Nothing when all is done; else how long to wait.
net::Task<std::optional<base::Duration>> Keeper::bring_into_use(const x509::Certificate& current) {
  const std::string mark = text_of(current.fingerprint()) + "\n";
  const auto done = base::read_file(hook_mark());
  if (done && *done == mark) co_return std::nullopt;
  base::Result<void> ended;
  if (!options_.hook.empty()) {
    const RequestFiles now = files().current;
    HookCall call{.words = options_.hook,
                  .environment = {"COUNTERSIGN_PURPOSE=" + std::string(trust::name(options_.purpose)),
                                  "COUNTERSIGN_KEY=" + now.key.string(), "COUNTERSIGN_CHAIN=" + now.chain.string(),
                                  "COUNTERSIGN_CERTIFICATE=" + now.certificate.string(),
                                  "COUNTERSIGN_SERIAL=" + current.serial().hex()},
                  .time = options_.hook_time};
    ended = co_await parts_.hooks.run(std::move(call));
    ++(ended ? state_.hooks_done : state_.hooks_failed);
  }
  if (ended) ended = base::write_file(hook_mark(), mark, base::FileMode::world_readable);
  if (!ended) co_return fail({"hook.failed", std::move(ended).error()});
  std::vector<base::Field> fields = names();
  fields.emplace_back("hook", options_.hook.empty() ? "none" : options_.hook.front());
  if (!options_.hook.empty()) parts_.log.info("hook.done", fields);
  co_return std::nullopt;
}

net::Task<base::Duration> Keeper::look() {
  state_.exit_code = base::ExitCode::ok;
  auto held = load_held(options_.folder, options_.purpose);
  base::Result<void> noted;
  if (held) noted = note(held->current);
  else noted = base::unexpected(std::move(held).error());
  if (!noted) co_return fail({"certificate.unusable", std::move(noted).error()});

  std::optional<base::Duration> renewal_wait;
  if (held->under_way || until_due(held->current) <= base::Duration::zero()) {
    renewal_wait = co_await renew(*held);
    held = load_held(options_.folder, options_.purpose);
    if (held) noted = note(held->current);
    else noted = base::unexpected(std::move(held).error());
    if (!noted) co_return fail({"certificate.unusable", std::move(noted).error()});
  }
  const std::optional<base::Duration> hook_wait = co_await bring_into_use(held->current);
  if (!renewal_wait && !hook_wait) state_.failures_in_a_row = 0;
  base::Duration wait = renewal_wait.value_or(until_due(held->current));
  wait = std::min(wait, hook_wait.value_or(renewal_wait ? wait : kLongestLook));
  co_return std::max(wait, kShortestLook);
}

}  // namespace countersign::cli
