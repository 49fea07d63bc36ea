// What programs that measure share: one line a case, and CPU time as the operating system accounts for it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace countersign::bench {

using Steady = std::chrono::steady_clock;

struct Figure {
  std::string name;
  double value;
};

/// `case=NAME name=value ...`, or the same as a JSON object.
inline void print(bool json, const std::string& name, const std::vector<Figure>& figures) {
  std::string line = json ? "{\"case\":\"" + name + "\"" : "case=" + name;
  for (const Figure& one : figures) {
    char value[40];
    std::snprintf(value, sizeof value, one.value >= 1000 ? "%.0f" : "%.3g", one.value);
    line += json ? ",\"" + one.name + "\":" + value : " " + one.name + "=" + value;
  }
  std::printf("%s%s\n", line.c_str(), json ? "}" : "");
  std::fflush(stdout);
}

/// Of the whole process, user and system.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Of the calling thread alone.
inline double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

inline double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

inline double since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

/// The value that `share` of `values` (0.5, 0.99) do not exceed; there must be some.
inline double quantile(std::vector<double> values, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}
inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

}  // namespace countersign::bench
