// The load of bench/ehi: POSTs at a steady rate over kept connections of mutual TLS. Each is timed from the moment at
// which it was to begin, so that a server that holds up one holds up, in the figures too, those behind it.
#include <cstdlib>
#include <map>

#include "base/files.h"
#include "http/client.h"
#include "net/loop.h"
#include "report.h"
#include "tls/handshake.h"

namespace countersign::bench {
namespace {

struct Plan {
  std::string host, path;
  std::uint16_t port = 0;
  double rate = 2000;
  double seconds = 5;
  int connections = 16;
};

struct Told {
  std::vector<double> micros;
  std::size_t errors = 0;
  std::string first_error;
};

struct Judge {
  std::shared_ptr<const trust::TrustSet> anchors;
  std::string host;
  base::SystemClock clock;
  base::Result<trust::VerifiedChain, trust::Refusal> operator()(const trust::PresentedChain& presented) const {
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = host};
    return trust::verify_chain(presented, policy, *anchors, clock.now());
  }
};

class Driver {
 public:
  Driver(Plan plan, std::shared_ptr<const tls::ClientContext> context, std::shared_ptr<const trust::TrustSet> anchors)
      : plan_(std::move(plan)), context_(std::move(context)), anchors_(std::move(anchors)), begin_(Steady::now()) {}

  Told run(const base::Log& log) {
    running_ = plan_.connections;
    begin_ = Steady::now() + std::chrono::milliseconds(500);  // connections are there by then
    for (int i = 0; i < plan_.connections; ++i)
      net::spawn(loop_, pace(i), "load", log);
    loop_.run();
    return std::move(told_);
  }

 private:
  net::Task<void> pace(int number) {
    net::Endpoint to{plan_.host, plan_.port};
    const net::Deadline connected_by = net::Deadline::after(std::chrono::seconds(5));
    auto socket = co_await net::Socket::connect(loop_, std::move(to), connected_by);
    if (socket) {
      tls::JudgeServer judge = Judge{anchors_, plan_.host, {}};
      auto context = context_;
      std::string host = plan_.host;
      auto connection = co_await tls::Handshake::connect(std::move(*socket), std::move(context), std::move(host),
                                                         std::move(judge), connected_by);
      if (connection) co_await send_all(number, *connection->stream);
      else note(connection.error().error);
    } else {
      note(socket.error());
    }
    if (--running_ == 0) loop_.stop();
  }

  net::Task<void> send_all(int number, net::Stream& stream) {
    http::ClientOptions options;
    options.host = plan_.host;
    http::Client client(stream, std::move(options));
    const auto all = static_cast<int>(plan_.rate * plan_.seconds);
    for (int i = number; i < all; i += plan_.connections) {
      const auto due =
          begin_ + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(i / plan_.rate));
      if (Steady::now() < due) {
        const net::Deadline at{due};
        co_await net::sleep_until(at);
      }
      http::Request request;
      request.head.method = "POST";
      request.head.target = plan_.path;
      request.head.fields.add("Content-Type", "application/json");
      request.body = R"({"amount":"12.50","currency":"GBP","card":"card-000017","merchant":"shop"})";
      const net::Deadline deadline = net::Deadline::after(std::chrono::seconds(5));
      const auto answer = co_await client.send(std::move(request), deadline);
      if (!answer) {
        note(answer.error());
        co_return;
      }
      if (answer->status != 200) note({base::Kind::internal, "status", std::to_string(answer->status)});
      else told_.micros.push_back(std::chrono::duration<double, std::micro>(Steady::now() - due).count());
    }
  }

  void note(const base::Error& error) {
    if (++told_.errors == 1) told_.first_error = base::to_string(error);
  }

  Plan plan_;
  std::shared_ptr<const tls::ClientContext> context_;
  std::shared_ptr<const trust::TrustSet> anchors_;
  net::Loop loop_;
  Steady::time_point begin_;
  int running_ = 0;
  Told told_;
};

base::Result<Told> drive(const std::map<std::string, std::string>& given, const base::Log& log) {
  BASE_TRY(const auto credential, tls::load_credential(given.at("--chain"), given.at("--key")));
  BASE_TRY(auto context, tls::ClientContext::make(&credential));
  BASE_TRY(const std::string pem, base::read_file(given.at("--anchors")));
  BASE_TRY(auto certificates, x509::Certificate::all_from_pem(pem));
  BASE_TRY(auto anchors, trust::TrustSet::of_roots(std::move(certificates), {}));
  Plan plan{.host = "localhost", .path = given.at("--path")};
  plan.port = static_cast<std::uint16_t>(std::stoi(given.at("--port")));
  plan.rate = std::stod(given.at("--rate"));
  plan.seconds = std::stod(given.at("--seconds"));
  plan.connections = std::stoi(given.at("--connections"));
  Driver driver(std::move(plan), std::move(context), std::make_shared<const trust::TrustSet>(std::move(anchors)));
  return driver.run(log);
}

}  // namespace
}  // namespace countersign::bench

int main(int argc, char** argv) {
  using namespace countersign;
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2)
    given[argv[i]] = argv[i + 1];
  const base::SystemClock clock;
  const auto sink = base::stderr_sink();
  const base::Log log({.program = "bench_ehi", .at_least = base::Level::error}, clock, *sink);
  auto told = bench::drive(given, log);
  if (!told) {
    std::fprintf(stderr, "%s\n", base::to_string(told.error()).c_str());
    return 1;
  }
  std::ranges::sort(told->micros);
  const auto at = [&](double part) {
    return told->micros.empty()
               ? 0
               : told->micros[static_cast<std::size_t>(part * static_cast<double>(told->micros.size() - 1))];
  };
  if (told->errors > 0) std::fprintf(stderr, "%s\n", told->first_error.c_str());
  bench::print(true, "load",
               {{"answered", static_cast<double>(told->micros.size())},
                {"errors", static_cast<double>(told->errors)},
                {"p50_us", at(0.5)},
                {"p99_us", at(0.99)},
                {"p999_us", at(0.999)}});
  return 0;
}
