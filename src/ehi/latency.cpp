#include "ehi/latency.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/metric_text.h"

namespace countersign::ehi {
namespace {

constexpr base::MetricText kMetrics{"countersign_ehi_"};

std::string seconds(double micros) {
  std::string text = std::to_string(micros / 1e6);
  return text;
}

}  // namespace

std::size_t Latency::bucket_of(base::Duration took) {
  const double micros = std::max<double>(1, static_cast<double>(took.count()));
  return std::min(static_cast<std::size_t>(std::log2(micros) * 8), kBuckets - 1);
}

void Latency::turn(Time now) {
  if (now - begun_ < kWindow) return;
  previous_ = now - begun_ < 2 * kWindow ? current_ : Counts();
  current_ = Counts();
  begun_ = now;
}

void Latency::observe(base::Duration took, Time now) {
  turn(now);
  ++current_[bucket_of(took)];
  ++count_;
  micros_ += static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count()));
}

base::Duration Latency::quantile(double part, Time now) {
  turn(now);
  const std::uint64_t all = std::accumulate(current_.begin(), current_.end(), std::uint64_t{0}) +
                            std::accumulate(previous_.begin(), previous_.end(), std::uint64_t{0});
  if (all == 0) return {};
  const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all)));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    below += current_[i] + previous_[i];
    if (below >= wanted) return base::Duration(static_cast<std::int64_t>(std::exp2(static_cast<double>(i + 1) / 8)));
  }
  return {};
}

std::string Latency::to_text(std::string_view name, std::string_view labels, Time now) {
  std::string text;
  for (const auto& [part, shown] : {std::pair{0.5, "0.5"}, {0.9, "0.9"}, {0.99, "0.99"}, {0.999, "0.999"}}) {
    const std::string all = std::string(labels) + "," + base::metric_label("quantile", shown);
    text += kMetrics.line(name, all, std::string_view(seconds(static_cast<double>(quantile(part, now).count()))));
  }
  text += kMetrics.line(std::string(name) + "_sum", labels, std::string_view(seconds(static_cast<double>(micros_))));
  return text + kMetrics.line(std::string(name) + "_count", labels, count_);
}

}  // namespace countersign::ehi
