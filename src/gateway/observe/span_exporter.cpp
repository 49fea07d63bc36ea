#include "gateway/observe/span_exporter.h"

#include <algorithm>
#include <iterator>

#include "gateway/observe/histogram.h"
#include "gateway/observe/otlp.h"
#include "net/loop.h"

namespace countersign::gateway {
namespace {

bool is_success(long status) { return status >= 200 && status < 300; }
/// OTLP section "Failures": the same request may be sent again after these, and after no other.
bool is_worth_another_try(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

SpanAttributes resource_of(const TelemetrySettings& settings, const std::string& instance) {
  SpanAttributes resource;
  resource.text("service.name", settings.service_name)
      .text("service.instance.id", instance)
      .text("telemetry.sdk.name", "countersign")
      .text("telemetry.sdk.language", "cpp");
  return resource;
}

}  // namespace

SpanExporter::SpanExporter(Limits limits, std::string instance, const base::Log& log)
    : limits_(limits), instance_(std::move(instance)), log_(log), pause_(limits.first_pause) {}

SpanExporter::~SpanExporter() {
  if (!thread_.joinable()) return;
  Lock lock(mutex_);
  on_.store(false, std::memory_order_relaxed);
  ending_ = true;
  farewell_until_ = std::chrono::steady_clock::now() + limits_.farewell;
  changed_.notify_all();
  ended_.wait_until(lock, farewell_until_, [this] { return is_over_; });
  lock.unlock();
  stop_.store(true);
  thread_.join();
}

void SpanExporter::use(const std::optional<TelemetrySettings>& settings) {
  const std::lock_guard lock(mutex_);
  on_.store(settings.has_value(), std::memory_order_relaxed);
  if (!settings || (settings_ != nullptr && *settings_ == *settings)) return;
  settings_ = std::make_shared<const TelemetrySettings>(*settings);
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_all();
}

void SpanExporter::take(std::string span) {
  const std::lock_guard lock(mutex_);
  if (settings_ == nullptr || ending_ || waiting_.size() >= limits_.spans) {
    overflowed_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (waiting_.empty()) first_came_ = std::chrono::steady_clock::now();
  waiting_.push_back(std::move(span));
  if (waiting_.size() == 1 || waiting_.size() == limits_.batch) changed_.notify_one();
}

/// False when the end has come, and nothing is left or no time for it.
bool SpanExporter::wait_for_batch(Lock& lock) {
  for (;;) {
    if (ending_) return !waiting_.empty() && std::chrono::steady_clock::now() < farewell_until_;
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Time due = first_came_ + limits_.delay;
    if (waiting_.size() >= limits_.batch || std::chrono::steady_clock::now() >= due) return true;
    changed_.wait_until(lock, due);
  }
}

/// With the lock held.
void SpanExporter::follow_settings() {
  if (settings_ != used_) uploader_.reset();
  used_ = settings_;
}

std::vector<std::string> SpanExporter::take_batch() {
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), limits_.batch));
  std::vector<std::string> batch(std::make_move_iterator(waiting_.begin()),
                                 std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  follow_settings();
  return batch;
}

void SpanExporter::work() {
  net::keep_back_stop_signals();
  Lock lock(mutex_);
  while (wait_for_batch(lock)) {
    std::vector<std::string> batch = take_batch();
    lock.unlock();
    deliver(std::move(batch));
    lock.lock();
  }
  overflowed_.fetch_add(waiting_.size(), std::memory_order_relaxed);
  is_over_ = true;
  ended_.notify_all();
}

void SpanExporter::deliver(std::vector<std::string> spans) {
  const std::string document = to_otlp_request(resource_of(*used_, instance_), spans);
  for (int tries = 1;; ++tries) {
    const Attempt outcome = attempt(document, spans.size());
    if (outcome == Attempt::taken) return;
    if (outcome == Attempt::refused || tries == limits_.tries || !pause()) return note_lost(spans.size());
  }
}

SpanExporter::Attempt SpanExporter::attempt(const std::string& document, std::size_t spans) {
  if (uploader_ == nullptr) {
    auto made = courier::Uploader::make({.url = used_->endpoint,
                                         .ca_file = used_->ca_file,
                                         .certificate = used_->certificate,
                                         .key = used_->key,
                                         .time = limits_.request_time},
                                        stop_);
    if (!made) {
      note_trouble(made.error());
      return Attempt::failed;
    }
    uploader_ = std::move(*made);
  }
  const auto answer = uploader_->post(document);
  asked_pause_ = answer ? answer->retry_after : base::Duration::zero();
  if (answer && is_success(answer->status)) {
    const std::uint64_t rejected = std::min<std::uint64_t>(rejected_spans(answer->body), spans);
    rejected_.fetch_add(rejected, std::memory_order_relaxed);
    exported_.fetch_add(spans - rejected, std::memory_order_relaxed);
    pause_ = limits_.first_pause;
    if (std::exchange(troubled_, false)) log_.info("telemetry.works_again", {{"endpoint", used_->endpoint}});
    return Attempt::taken;
  }
  uploader_.reset();
  if (!answer) {
    note_trouble(answer.error());
    return Attempt::failed;
  }
  note_trouble({base::Kind::unavailable, "telemetry.status",
                "the collector answered " + std::to_string(answer->status) + " instead of 2xx"});
  return is_worth_another_try(answer->status) ? Attempt::failed : Attempt::refused;
}

/// Before the next attempt, longer each time. False when the program ends meanwhile.
bool SpanExporter::pause() {
  const base::Duration time = std::clamp(asked_pause_, pause_, limits_.longest_pause);
  pause_ = std::min(pause_ * 2, limits_.longest_pause);
  Lock lock(mutex_);
  const Time until = std::chrono::steady_clock::now() + time;
  changed_.wait_until(lock, until, [this] { return ending_ || settings_ != used_; });
  if (ending_) return false;
  follow_settings();
  return true;
}

void SpanExporter::note_lost(std::size_t spans) { failed_.fetch_add(spans, std::memory_order_relaxed); }

/// Once, until it works again.
void SpanExporter::note_trouble(const base::Error& error) {
  if (std::exchange(troubled_, true)) return;
  log_.warning("telemetry.failing",
               {{"endpoint", used_->endpoint},
                {"error", base::to_string(error)},
                {"meaning", "spans wait, and are dropped when too many do; requests are served as ever"}});
}

std::string SpanExporter::metrics() const {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    waiting = waiting_.size();
    if (settings_ == nullptr) return "";
  }
  constexpr std::string_view kSpans = "telemetry_spans_total";
  const auto line = [&](std::string_view outcome, std::uint64_t count) {
    return kMetrics.line(kSpans, base::metric_label("outcome", outcome), count);
  };
  return kMetrics.heading(kSpans, "counter", "Spans for the collector, by what became of them.") +
         line("exported", exported_) + line("rejected", rejected_) + line("failed", failed_) +
         line("overflowed", overflowed_) + kMetrics.heading("telemetry_spans_waiting", "gauge", "Spans in the queue.") +
         kMetrics.line("telemetry_spans_waiting", "", static_cast<std::uint64_t>(waiting));
}

}  // namespace countersign::gateway
