// Measures issuance: 64 clients at once, P-256, every step of the law: check, approval, lint, record, sign, publish, in
// a registry that is synced to disk. CPU time is the operating system's account of the whole process: the registry's
// thread, the loop, the keeper of the status.
//
//   crypto   what cannot be saved: the operations of libcrypto that one issuance is made of
//   call     the call that the API's door makes of every request, by clients in this process
//   mtls     the same over keep-alive connections with mutual TLS, by clients in another process
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "authority/founding/credentials.h"
#include "base/check.h"
#include "fill.h"
#include "http/client.h"
#include "report.h"
#include "running.h"
#include "x509/csr.h"

namespace {

using namespace countersign;
using namespace countersign::bench;
using authority::Step;

struct Options {
  std::size_t clients = 64;
  std::size_t certificates = 6'000;  ///< a round
  int rounds = 3;
  std::size_t filled = 0;  ///< certificates that are in the registry before
  bool json = false;
  std::string only;  ///< a case; empty: all
};

bool wanted(const Options& options, std::string_view name) { return options.only.empty() || options.only == name; }

/// CPU time of the registry's thread from one step to the next.
class StepTimes final : public authority::StepObserver {
 public:
  base::Result<void> reached(Step step) override {
    const double now = thread_cpu_seconds();
    times_[static_cast<std::size_t>(step)] += now - last_;
    last_ = now;
    return {};
  }
  /// Seconds since the last call of take(), by step.
  std::array<double, 8> take() { return std::exchange(times_, {}); }

 private:
  std::array<double, 8> times_{};
  double last_ = 0;
};

struct Outcome {
  std::vector<double> latencies;  ///< seconds
  double took = 0;
};

/// Orders that nobody has asked for yet.
struct Queue {
  const std::vector<std::string>& bodies;
  std::size_t next;
  std::size_t end;
};

http::Request enrolment(const std::string& body) {
  http::Request request;
  request.head.method = "POST";
  request.head.target = "/v1/enrolments";
  request.head.fields.add("Content-Type", "application/json");
  request.body = body;
  return request;
}

void check_issued(const http::Response& response) {
  if (response.status == 201) return;
  std::fprintf(stderr, "%d %s\n", response.status, response.body.c_str());
  std::exit(1);
}

net::Task<void> call(authority::Api& api, Queue& queue, Outcome& outcome) {
  const authority::ApiCaller caller{std::nullopt, {"127.0.0.1", 1}, "localhost"};
  while (queue.next < queue.end) {
    http::Request request = enrolment(queue.bodies[queue.next++]);
    const auto start = Steady::now();
    const http::Response response = co_await api.respond(std::move(request), caller);
    outcome.latencies.push_back(since(start));
    check_issued(response);
  }
}

net::Task<void> wait_for(net::TaskGroup& group) {
  const net::Deadline never = net::Deadline::after(std::chrono::hours(1));
  BASE_CHECK(co_await group.wait_until_empty(never));
}

std::vector<Figure> figures(const Outcome& outcome, double cpu) {
  const auto count = static_cast<double>(outcome.latencies.size());
  return {{"certificates", count},
          {"rate", count / outcome.took},
          {"per_core_second", count / cpu},
          {"cpu_us", cpu / count * 1e6},
          {"p50_ms", quantile(outcome.latencies, 0.5) * 1e3},
          {"p99_ms", quantile(outcome.latencies, 0.99) * 1e3}};
}

void print_steps(const Options& options, const std::array<double, 8>& times, double count) {
  std::vector<Figure> steps;
  for (const Step step :
       {Step::after_check, Step::after_lint, Step::after_record, Step::after_sign, Step::after_publish})
    steps.push_back(
        {std::string(authority::name(step)).substr(6) + "_us", times[static_cast<std::size_t>(step)] / count * 1e6});
  print(options.json, "steps", steps);
}

Outcome call_round(Running& running, const Options& options, Queue queue) {
  const trust::Policy anybody{
      .purposes = {trust::Purpose::service}, .environment = std::nullopt, .server_name = std::nullopt};
  const authority::Gate gate(running.authority(), running.log(), "bench", anybody);
  authority::Api api(running.parts(), gate);
  Outcome outcome;
  net::TaskGroup clients(running.loop(), running.log());
  const auto start = Steady::now();
  for (std::size_t i = 0; i < options.clients; ++i)
    clients.spawn(call(api, queue, outcome), "client");
  running.run(wait_for(clients));
  outcome.took = since(start);
  return outcome;
}

/// What clients over TLS need; they run in a process of their own.
struct Visit {
  net::Loop& loop;
  net::Endpoint to;
  std::shared_ptr<const tls::ClientContext> context;
  tls::JudgeServer judge;
  Queue& queue;
  Outcome& outcome;
};

net::Task<void> visit(Visit& visit) {
  const net::Deadline never = net::Deadline::after(std::chrono::hours(1));
  net::Endpoint to = visit.to;
  auto socket = co_await net::Socket::connect(visit.loop, std::move(to), never);
  BASE_CHECK(socket.has_value());
  tls::JudgeServer judge = visit.judge;
  auto made = co_await tls::Handshake::connect(std::move(*socket), visit.context, "localhost", std::move(judge), never);
  BASE_CHECK(made.has_value());
  http::ClientOptions options;
  options.host = "localhost";
  http::Client client(*made->stream, std::move(options));
  while (visit.queue.next < visit.queue.end) {
    http::Request request = enrolment(visit.queue.bodies[visit.queue.next++]);
    const auto start = Steady::now();
    const auto response = co_await client.send(std::move(request), never);
    BASE_CHECK(response.has_value());
    visit.outcome.latencies.push_back(since(start));
    check_issued(*response);
  }
}

net::Task<void> stop_when_done(net::Loop& loop, net::TaskGroup& group) {
  co_await wait_for(group);
  loop.stop();
}

/// In the child: all clients, until the queue is empty; the latencies go into `out`.
[[noreturn]] void visit_all(Running& running, const net::Endpoint& to, const Options& options, Queue queue, int out) {
  const base::SystemClock clock;
  const auto own = feed::load(authority::operator_files(running.authority().folder())).value();
  net::Loop loop;
  Outcome outcome;
  const std::shared_ptr<const trust::TrustSet> trust = running.authority().trust();
  Visit shared{loop,
               to,
               tls::ClientContext::make(&own).value(),
               [&](const trust::PresentedChain& presented) {
                 const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
                 return trust::verify_chain(presented, policy, *trust, clock.now());
               },
               queue,
               outcome};
  net::TaskGroup clients(loop, running.log());
  for (std::size_t i = 0; i < options.clients; ++i)
    clients.spawn(visit(shared), "client");
  net::spawn(loop, stop_when_done(loop, clients), "bench", running.log());
  const auto start = Steady::now();
  loop.run();
  outcome.took = since(start);
  const std::size_t bytes = outcome.latencies.size() * sizeof(double);
  BASE_CHECK(::write(out, &outcome.took, sizeof outcome.took) == sizeof outcome.took);
  const auto* data = reinterpret_cast<const char*>(outcome.latencies.data());
  for (std::size_t at = 0; at < bytes;) {
    const ssize_t written = ::write(out, data + at, bytes - at);
    BASE_CHECK(written > 0);
    at += static_cast<std::size_t>(written);
  }
  ::_exit(0);
}

net::Task<void> wait_for_flag(const std::atomic<bool>& done) {
  while (!done) {
    const net::Deadline next = net::Deadline::after(std::chrono::milliseconds(20));
    co_await net::sleep_until(next);
  }
}

Outcome read_outcome(int in) {
  Outcome outcome;
  BASE_CHECK(::read(in, &outcome.took, sizeof outcome.took) == sizeof outcome.took);
  double latency = 0;
  while (::read(in, &latency, sizeof latency) == sizeof latency)
    outcome.latencies.push_back(latency);
  return outcome;
}

Outcome mtls_round(Running& running, const Options& options, Queue queue) {
  std::array<int, 2> ends{};
  BASE_CHECK(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    visit_all(running, running.service().api_at(), options, queue, ends[1]);
  }
  ::close(ends[1]);
  Outcome outcome;
  std::atomic<bool> done = false;
  std::thread reader([&] {
    outcome = read_outcome(ends[0]);
    done = true;
  });
  running.run(wait_for_flag(done));
  reader.join();
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return outcome;
}

template <class Round>
void measure(Running& running, StepTimes& steps, const Options& options, const char* name, Round round) {
  const auto bodies = prepare_orders(running, options.certificates * static_cast<std::size_t>(options.rounds));
  for (int i = 0; i < options.rounds; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * options.certificates;
    steps.take();
    const double cpu = cpu_seconds();
    const Outcome outcome = round(running, options, Queue{bodies, first, first + options.certificates});
    const double used = cpu_seconds() - cpu;
    print(options.json, name, figures(outcome, used));
    print_steps(options, steps.take(), static_cast<double>(outcome.latencies.size()));
  }
}

/// Microseconds of CPU for one call of `work`.
template <class Work>
double cost_us(Work work) {
  constexpr int kTimes = 2'000;
  const double start = thread_cpu_seconds();
  for (int i = 0; i < kTimes; ++i)
    work();
  return (thread_cpu_seconds() - start) / kTimes * 1e6;
}

void measure_crypto(const Options& options) {
  using Kind = crypto::PrivateKey::Kind;
  const auto key = crypto::PrivateKey::generate(Kind::p256).value();
  const crypto::PublicKey half = key.public_key();
  const base::Bytes message(500, 7);
  const base::Bytes signature = key.sign(message).value();
  const std::string csr = x509::Csr::make_pem(key, {"bench", "", ""}).value();
  const base::Bytes spki = half.to_spki();
  print(options.json, "crypto",
        {{"sign_us", cost_us([&] { BASE_CHECK(key.sign(message).has_value()); })},
         {"verify_us", cost_us([&] { BASE_CHECK(half.verify(message, signature)); })},
         {"generate_us", cost_us([&] { BASE_CHECK(crypto::PrivateKey::generate(Kind::p256).has_value()); })},
         {"read_key_us", cost_us([&] { BASE_CHECK(crypto::PublicKey::from_spki(spki).has_value()); })},
         {"read_csr_us", cost_us([&] { BASE_CHECK(x509::Csr::parse(csr).has_value()); })}});
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--json") options.json = true;
    else if (word == "--clients" && more) options.clients = std::strtoul(argv[++i], nullptr, 10);
    else if (word == "--certificates" && more) options.certificates = std::strtoul(argv[++i], nullptr, 10);
    else if (word == "--rounds" && more) options.rounds = std::atoi(argv[++i]);
    else if (word == "--filled" && more) options.filled = std::strtoul(argv[++i], nullptr, 10);
    else if (word == "--case" && more) options.only = argv[++i];
    else if (word == "--registry" && more && std::string_view(argv[i + 1]) == "postgresql")
      ++i, ::setenv("COUNTERSIGN_TEST_REGISTRY", "postgresql", 1);
    else
      std::fprintf(stderr,
                   "bench_issue [--json] [--case crypto|call|mtls] [--clients N] [--certificates N]"
                   " [--rounds N] [--filled N] [--registry postgresql]\n"),
          std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (wanted(options, "crypto")) measure_crypto(options);
  if (!wanted(options, "call") && !wanted(options, "mtls")) return 0;
  StepTimes steps;
  Running running(steps);
  if (options.filled > 0) {
    const double seconds = fill(running.authority(), {.certificates = options.filled});
    print(options.json, "fill", {{"certificates", static_cast<double>(options.filled)}, {"seconds", seconds}});
    print(options.json, "authority_start", {{"seconds", running.restart()}});
  }
  if (wanted(options, "call")) measure(running, steps, options, "call", call_round);
  if (wanted(options, "mtls")) measure(running, steps, options, "mtls", mtls_round);
}
