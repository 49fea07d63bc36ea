// Measures what the token endpoint costs at the authority: assertion checked and used up, token recorded in the audit
// log and signed, in a registry that is synced to disk, by so many clients at once. CPU time is that of the registry's
// thread, on which all of it is done.
//
//   crypto     what cannot be saved: one check of a signature, one signature
//   used_up    a commit with the used assertion alone and no record: the least that a replay that is refused after a
//              restart costs
//   together_N calls of N clients at once, as gateways pass them on
#include <cstdlib>
#include <string>
#include <vector>

#include "authority/doors/relay_desk.h"
#include "authority/oauth/server.h"
#include "base/check.h"
#include "oauth/form.h"
#include "report.h"
#include "running.h"
#include "store/oauth_tokens.h"
#include "x509/csr.h"

namespace {

using namespace countersign;
using namespace countersign::bench;

constexpr std::size_t kCalls = 1'024;
constexpr const char* kUrn = "urn:countersign:production:bench0:app0";

class Silent final : public authority::StepObserver {
 public:
  base::Result<void> reached(authority::Step) override { return {}; }
};

struct Material {
  crypto::PrivateKey signing;
  crypto::Digest256 transport;
};

authority::Actor admin() { return {"urn:countersign:internal:operator:admin"}; }

x509::Certificate issue(Running& running, const crypto::PrivateKey& key, trust::Purpose purpose) {
  const auto identity = base::Identity::from_urn(kUrn).value();
  auto& enrolment = running.authority().enrolment();
  const auto code = enrolment.create_code(admin(), {identity, {purpose}}).value();
  const std::string csr = x509::Csr::make_pem(key, {"", "", ""}).value();
  const auto outcome = enrolment.redeem({code.code.text().reveal_text(), purpose, csr}).value();
  return std::get<authority::Issued>(outcome).certificate;
}

crypto::PrivateKey make_key() { return crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value(); }

/// A client that may have tokens.
Material prepare(Running& running) {
  Material material{make_key(), {}};
  issue(running, material.signing, trust::Purpose::signing);
  material.transport = issue(running, make_key(), trust::Purpose::transport).fingerprint();
  authority::ClientRules rules{{}, *oauth::Scopes::parse("payments:read"), {}, {}};
  BASE_CHECK(running.authority()
                 .oauth()
                 .clients()
                 .put(admin(), base::Identity::from_urn(kUrn).value(), std::move(rules))
                 .has_value());
  return material;
}

std::vector<oauth::RelayedCall> make_calls(Running& running, const Material& material) {
  static int round = 0;
  ++round;
  std::vector<oauth::RelayedCall> calls;
  for (std::size_t i = 0; i < kCalls; ++i) {
    const oauth::AssertionOrder order{.client = "production.bench0.app0",
                                      .audience = running.authority().oauth().settings().issuer,
                                      .id = std::to_string(round) + "-" + std::to_string(i),
                                      .issued = running.authority().ledger().now()};
    oauth::RelayedCall& call = calls.emplace_back();
    call.method = "POST";
    call.path = "/oauth2/token";
    call.content_type = "application/x-www-form-urlencoded";
    call.address = "127.0.0.1:1";
    call.peer = oauth::RelayedPeer{material.transport, base::Identity::from_urn(kUrn).value()};
    call.body = "grant_type=client_credentials&client_assertion_type=" +
                oauth::encode_form("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                "&client_assertion=" + oauth::make_assertion(order, material.signing, jose::Algorithm::es256).value();
  }
  return calls;
}

struct Queue {
  std::vector<oauth::RelayedCall> calls;
  std::size_t next = 0;
  std::vector<double> latencies = {};
};

net::Task<void> ask(authority::RelayDesk& desk, Queue& queue) {
  while (queue.next < queue.calls.size()) {
    oauth::RelayedCall call = std::move(queue.calls[queue.next++]);
    authority::RelayDesk::Recheck recheck = [] { return base::Result<void>(); };
    const auto start = Steady::now();
    const auto answer = co_await desk.ask(std::move(call), std::move(recheck));
    queue.latencies.push_back(since(start));
    if (answer && answer->status == 200) continue;
    std::fprintf(stderr, "%s\n", answer ? answer->body.c_str() : base::to_string(answer.error()).c_str());
    std::exit(1);
  }
}

net::Task<void> wait_for(net::TaskGroup& group) {
  const net::Deadline never = net::Deadline::after(std::chrono::hours(1));
  BASE_CHECK(co_await group.wait_until_empty(never));
}

std::vector<Figure> figures(const std::vector<double>& latencies, double cpu, double took) {
  const auto count = static_cast<double>(latencies.size());
  return {{"tokens", count},
          {"rate", count / took},
          {"cpu_us", cpu / count * 1e6},
          {"p50_ms", quantile(latencies, 0.5) * 1e3},
          {"p99_ms", quantile(latencies, 0.99) * 1e3}};
}

net::Task<void> read_cpu(Running& running, double& into) {
  std::function<void()> job = [&into] { into = thread_cpu_seconds(); };
  co_await running.parts().worker.run(running.loop(), std::move(job));
}

/// Of the registry's thread.
double worker_cpu(Running& running) {
  double seconds = 0;
  running.run(read_cpu(running, seconds));
  return seconds;
}

void measure_together(Running& running, const Material& material, std::size_t clients, bool json) {
  authority::RelayDesk desk(running.authority(), running.parts().worker, running.loop());
  Queue queue{make_calls(running, material)};
  net::TaskGroup group(running.loop(), running.log());
  const double cpu = worker_cpu(running);
  const auto start = Steady::now();
  for (std::size_t i = 0; i < clients; ++i)
    group.spawn(ask(desk, queue), "client");
  running.run(wait_for(group));
  const double took = since(start);
  print(json, "together_" + std::to_string(clients), figures(queue.latencies, worker_cpu(running) - cpu, took));
}

void measure_used_up(Running& running, bool json) {
  std::vector<double> latencies;
  const double cpu = thread_cpu_seconds();
  const auto begin = Steady::now();
  for (std::size_t i = 0; i < kCalls; ++i) {
    const auto start = Steady::now();
    auto rows = running.authority().ledger().write_unaudited().value();
    const base::Instant end = running.authority().ledger().now() + std::chrono::hours(1);
    BASE_CHECK(store::use_oauth_assertion(rows, {"bench", std::to_string(i), end}).value());
    BASE_CHECK(rows.commit().has_value());
    latencies.push_back(since(start));
  }
  print(json, "used_up", figures(latencies, thread_cpu_seconds() - cpu, since(begin)));
}

void measure_crypto(bool json) {
  const auto key = make_key();
  const base::Bytes message(400, 'x');
  const base::Bytes signature = key.sign(message).value();
  const double cpu = thread_cpu_seconds();
  for (std::size_t i = 0; i < kCalls; ++i) {
    BASE_CHECK(key.public_key().verify(message, signature));
    BASE_CHECK(key.sign(message).has_value());
  }
  print(json, "crypto", {{"cpu_us", (thread_cpu_seconds() - cpu) / static_cast<double>(kCalls) * 1e6}});
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view(argv[1]) == "--json";
  Silent silent;
  Running running(silent);
  const Material material = prepare(running);
  measure_crypto(json);
  measure_used_up(running, json);
  for (const std::size_t clients : {std::size_t{1}, std::size_t{8}, std::size_t{64}, std::size_t{1}, std::size_t{64}})
    measure_together(running, material, clients, json);
  return 0;
}
