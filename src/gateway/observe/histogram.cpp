#include "gateway/observe/histogram.h"

#include <cstdio>

namespace countersign::gateway {
namespace {

constexpr std::string_view kPrefix = "countersign_gateway_";

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

std::string line(std::string_view name, std::string_view labels, std::string_view value) {
  std::string text(kPrefix);
  text += name;
  if (!labels.empty()) ((text += '{') += labels) += '}';
  return ((text += ' ') += value) += '\n';
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
    text += line(bucket, with(labels, metric_label("le", bound)), std::to_string(below));
  }
  text += line(std::string(name) + "_sum", labels, seconds(static_cast<double>(sum_.load(std::memory_order_relaxed))));
  return text + line(std::string(name) + "_count", labels, std::to_string(below));
}

std::string metric_line(std::string_view name, std::string_view labels, std::uint64_t value) {
  return line(name, labels, std::to_string(value));
}

std::string metric_heading(std::string_view name, std::string_view type, std::string_view help) {
  std::string full(kPrefix);
  full += name;
  return "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " " + std::string(type) + "\n";
}

std::string metric_label(std::string_view key, std::string_view value) {
  std::string text(key);
  text += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') text += "\\n";
    else text += c;
  }
  return text += '"';
}

}  // namespace countersign::gateway
