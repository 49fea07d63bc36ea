// SpanExporter: spans on their way to a collector: a bounded queue, and one thread that empties it in batches, off the
// event loops.
//
// Whoever serves never waits for a collector: what finds the queue full is dropped and counted. Off until use() says
// where to. Thread-safe but for use() and the destructor, which are the main thread's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "courier/uploader.h"
#include "gateway/observe/telemetry_settings.h"

namespace countersign::gateway {

class SpanExporter {
 public:
  struct Limits {
    std::size_t spans = 4096;                        ///< that wait
    std::size_t batch = 512;                         ///< in one request
    base::Duration delay = std::chrono::seconds(1);  ///< a span waits for others
    base::Duration request_time = std::chrono::seconds(10);
    int tries = 5;                                         ///< of one batch
    base::Duration first_pause = std::chrono::seconds(1);  ///< after a failure; doubled at each that follows
    base::Duration longest_pause = std::chrono::seconds(30);
    base::Duration farewell = std::chrono::seconds(2);  ///< for what waits when the program ends
  };
  /// `instance`: tells this process from others of the service. Borrows `log`.
  SpanExporter(Limits limits, std::string instance, const base::Log& log);
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;

  /// One relaxed load: all that a request costs while nothing is exported.
  bool is_on() const noexcept { return on_.load(std::memory_order_relaxed); }
  /// Spans go there from now on, those that wait included; nothing: no more are taken.
  void use(const std::optional<TelemetrySettings>& settings);
  /// A span as to_otlp_span() gives it. Never waits.
  void take(std::string span);
  /// In the Prometheus text format.
  std::string metrics() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Time = std::chrono::steady_clock::time_point;
  enum class Attempt { taken, failed, refused };
  void work();
  bool wait_for_batch(Lock& lock);
  void follow_settings();
  std::vector<std::string> take_batch();
  void deliver(std::vector<std::string> spans);
  Attempt attempt(const std::string& document, std::size_t spans);
  bool pause();
  void note_lost(std::size_t spans);
  void note_trouble(const base::Error& error);

  const Limits limits_;
  const std::string instance_;
  const base::Log& log_;
  std::atomic<bool> on_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  std::deque<std::string> waiting_;
  Time first_came_ = {};                               ///< of waiting_
  std::shared_ptr<const TelemetrySettings> settings_;  ///< the last there were
  bool ending_ = false;
  bool is_over_ = false;
  Time farewell_until_ = {};

  std::atomic<std::uint64_t> exported_{0};
  std::atomic<std::uint64_t> rejected_{0};  ///< the collector answered, and did not want them
  std::atomic<std::uint64_t> failed_{0};    ///< it was tried, and nobody took them
  std::atomic<std::uint64_t> overflowed_{0};

  courier::Stop stop_{false};
  // Of the thread alone.
  std::shared_ptr<const TelemetrySettings> used_;
  std::unique_ptr<courier::Uploader> uploader_;  ///< to used_; null after a failure
  base::Duration pause_;
  base::Duration asked_pause_ = base::Duration::zero();  ///< by the collector
  bool troubled_ = false;
  std::thread thread_;
};

}  // namespace countersign::gateway
