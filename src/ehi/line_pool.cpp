#include "ehi/line_pool.h"

#include <algorithm>

namespace countersign::ehi {

std::uint64_t LinePool::begin_generation(base::Environment environment) {
  const std::uint64_t generation = ++generations_[environment];
  close_idle();
  return generation;
}

bool LinePool::is_newest(base::Environment environment, std::uint64_t generation) const {
  const auto newest = generations_.find(environment);
  return newest != generations_.end() && newest->second == generation;
}

/// Was it made with the certificate that we have now, and is its server still believed?
bool LinePool::is_good(const LineTerms& terms) const {
  return is_newest(terms.environment, terms.generation) && terms.usable_until > clock_.now() &&
         !terms.used_until.passed();
}

std::unique_ptr<Line> LinePool::take(const std::string& pool) {
  const auto found = warm_.find(pool);
  if (found == warm_.end()) return nullptr;
  while (!found->second.empty()) {
    Warm newest = std::move(found->second.back());
    found->second.pop_back();
    if (!newest.until.passed() && is_good(newest.line->terms()) && newest.line->is_quiet())
      return std::move(newest.line);
  }
  return nullptr;
}

void LinePool::keep(std::unique_ptr<Line> line) {
  speak_h2_.erase(line->terms().pool);
  std::deque<Warm>& warm = warm_[line->terms().pool];
  while (!warm.empty() && (warm.size() >= kWarmLimit || warm.front().until.passed()))
    warm.pop_front();
  warm.push_back({std::move(line), net::Deadline::after(kWarmTime)});
}

std::shared_ptr<SharedLine> LinePool::share(const std::string& pool) {
  const auto found = shared_.find(pool);
  if (found == shared_.end()) return nullptr;
  for (const auto& line : found->second) {
    if (!is_good(line->terms())) line->wind_down();
    else if (line->has_room()) return line;
  }
  return nullptr;
}

std::shared_ptr<SharedLine> LinePool::add(LineTerms terms, std::unique_ptr<net::Stream> stream) {
  auto line = SharedLine::begin(loop_, std::move(terms), std::move(stream), {.idle_time = kWarmTime}, log_);
  speak_h2_.insert(line->terms().pool);
  auto& lines = shared_[line->terms().pool];
  for (const auto& earlier : lines)
    if (earlier->terms().old_from.passed()) earlier->wind_down();
  lines.push_back(line);
  return line;
}

void LinePool::close_idle() {
  for (auto& [pool, lines] : warm_)
    std::erase_if(lines, [&](const Warm& warm) { return warm.until.passed() || !is_good(warm.line->terms()); });
  for (auto& [pool, lines] : shared_) {
    for (const auto& line : lines)
      if (!is_good(line->terms())) line->wind_down();
    std::erase_if(lines, [](const auto& line) { return line->has_ended(); });
  }
}

std::size_t LinePool::size() const {
  std::size_t sum = 0;
  for (const auto& [pool, lines] : warm_)
    sum += lines.size();
  for (const auto& [pool, lines] : shared_)
    sum += lines.size();
  return sum;
}

}  // namespace countersign::ehi
