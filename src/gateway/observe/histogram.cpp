#include "gateway/observe/histogram.h"

#include <cstdio>

namespace countersign::gateway {
namespace {

std::string seconds(double micros) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", micros / 1e6);
  return text;
}

std::string with(std::string_view labels, std::string_view more) {
  std::string all(labels);
  if (!all.empty() && !more.empty()) all += ',';
  return all += more;
}

}  // namespace

std::uint64_t Histogram::count() const {
  std::uint64_t all = 0;
  for (const auto& bucket : buckets_)
    all += bucket.load(std::memory_order_relaxed);
  return all;
}

std::string Histogram::to_text(std::string_view name, std::string_view labels) const {
  std::string text;
  std::uint64_t below = 0;
  const std::string bucket = std::string(name) + "_bucket";
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i].load(std::memory_order_relaxed);
    const std::string bound = i < kBounds.size() ? seconds(static_cast<double>(kBounds[i])) : "+Inf";
    text += kMetrics.line(bucket, with(labels, base::metric_label("le", bound)), below);
  }
  text += kMetrics.line(std::string(name) + "_sum", labels,
                        seconds(static_cast<double>(sum_.load(std::memory_order_relaxed))));
  return text + kMetrics.line(std::string(name) + "_count", labels, below);
}

}  // namespace countersign::gateway
