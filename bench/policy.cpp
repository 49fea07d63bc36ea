// Measures what the policy adds to a request: one decision with its permit, in one thread and in several that share an
// application's account, by the number of grants.
//
// Processor time of the threads alone (CLOCK_THREAD_CPUTIME_ID), median of several rounds. One line a case.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <time.h>

#include "base/check.h"
#include "policy/gate.h"

namespace {

using namespace countersign;

constexpr int kRounds = 7;
constexpr int kDecisions = 500'000;

class Silence final : public base::LogSink {
 public:
  void write(std::string_view) override {}
};

std::int64_t clock_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// `grants` for the one who asks, of which the last fits; limits of every kind for him and his organisation.
std::string policy_text(int grants) {
  std::string text;
  for (int i = 0; i < grants; ++i)
    text += "[[grants]]\nname = \"g" + std::to_string(i) +
            "\"\nto = [\"production/acme/shop\"]\nhost = \"api.example.com\"\nmethods = [\"GET\", \"POST\"]\npaths = "
            "[\"/v1/r" +
            std::to_string(i) + "\", \"/v1/r" + std::to_string(i) + "/*/parts\"]\n";
  for (const char* who : {"production/acme/shop", "production/acme"})
    text += "[[partners]]\nwho = \"" + std::string(who) +
            "\"\nrequests_per_second = 1_000_000\nburst = 1_000_000\nconcurrent = 1_000_000\nbytes_in_per_second = "
            "100_000_000_000\nbytes_out_per_second = 100_000_000_000\nbytes_in_per_day = 100_000_000_000_000\n"
            "bytes_out_per_day = 100_000_000_000_000\nfrom = [\"192.0.2.0/24\"]\n";
  return text;
}

/// Nanoseconds of processor time for one decision and the charge of its bytes.
double measure(policy::Gate& gate, const std::string& path) {
  policy::View view(gate);
  policy::Standing standing(view, *policy::parse_caller("production/acme/shop"), "192.0.2.7");
  const http::Fields fields;
  const policy::Request request{policy::Access::by_grant, false, "api.example.com", "GET", path, fields};
  const std::int64_t began = clock_of(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < kDecisions; ++i) {
    auto permit = standing.decide(request, {clock_of(CLOCK_MONOTONIC), 1'800'000'000});
    if (!permit) continue;  // over a million a second on a fast machine
    permit->received(100);
    permit->sent(1'000);
  }
  return static_cast<double>(clock_of(CLOCK_THREAD_CPUTIME_ID) - began) / kDecisions;
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

void run(int grants, int threads) {
  const base::SystemClock clock;
  Silence silence;
  const base::Log log({.program = "bench"}, clock, silence);
  auto policy = policy::Policy::parse(policy_text(grants), "policy.toml");
  BASE_CHECK(policy);
  policy::Gate gate(*policy, log);
  const std::string path = "/v1/r" + std::to_string(grants - 1) + "/7/parts";
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> each(static_cast<std::size_t>(threads));
    std::vector<std::thread> workers;
    for (double& one : each)
      workers.emplace_back([&gate, &path, &one] { one = measure(gate, path); });
    for (std::thread& worker : workers)
      worker.join();
    rounds.push_back(*std::ranges::max_element(each));
  }
  std::printf("case=decision grants=%d threads=%d cpu_ns=%.0f\n", grants, threads, median(rounds));
  std::fflush(stdout);
}

}  // namespace

int main() {
  for (const int grants : {1, 10, 100})
    for (const int threads : {1, 2})
      run(grants, threads);
}
