// Measures what a registry of a million certificates costs: every search that the API offers, the trust feed, the start
// of the authority and of a gateway, the log of certificates, notices, a backup. Calls go over mutual TLS, as an
// operator's do.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "authority/founding/credentials.h"
#include "authority/registry/feed_source.h"
#include "base/check.h"
#include "feed/copy.h"
#include "feed/knowledge.h"
#include "fill.h"
#include "http/client.h"
#include "report.h"
#include "running.h"
#include "testing/raw_sqlite.h"

namespace {

using namespace countersign;
using namespace countersign::bench;

struct Options {
  Filling filling;
  int calls = 40;  ///< of each search
  bool json = false;
};

/// An operator's connection to the API, in this process.
class Operator {
 public:
  explicit Operator(Running& running)
      : running_(running), own_(feed::load(authority::operator_files(running.authority().folder())).value()) {
    running_.run(connect());
  }
  http::Response get(std::string target) {
    http::Response response;
    running_.run(send(std::move(target), response));
    return response;
  }

 private:
  static net::Deadline never() { return net::Deadline::after(std::chrono::hours(1)); }
  net::Task<void> connect() {
    net::Endpoint to = running_.service().api_at();
    auto socket = co_await net::Socket::connect(running_.loop(), std::move(to), never());
    BASE_CHECK(socket.has_value());
    tls::JudgeServer judge = [this](const trust::PresentedChain& presented) {
      const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
      const std::shared_ptr<const trust::TrustSet> trust = running_.authority().trust();
      return trust::verify_chain(presented, policy, *trust, running_.authority().clock().now());
    };
    auto context = tls::ClientContext::make(&own_).value();
    auto made = co_await tls::Handshake::connect(std::move(*socket), context, "localhost", std::move(judge), never());
    BASE_CHECK(made.has_value());
    stream_ = std::move(made->stream);
    http::ClientOptions options;
    options.host = "localhost";
    client_ = std::make_unique<http::Client>(*stream_, std::move(options));
  }
  net::Task<void> send(std::string target, http::Response& into) {
    http::Request request;
    request.head.method = "GET";
    request.head.target = std::move(target);
    auto response = co_await client_->send(std::move(request), never());
    BASE_CHECK(response.has_value());
    into = std::move(*response);
  }
  Running& running_;
  tls::Credential own_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<http::Client> client_;
};

/// A call made several times, `{n}` replaced by another number each time.
struct Search {
  const char* name;
  std::string target;
};

std::string with_number(std::string target, int number) {
  for (std::size_t at = target.find("{n}"); at != std::string::npos; at = target.find("{n}"))
    target.replace(at, 3, std::to_string(number));
  return target;
}

void measure_search(Operator& caller, const Options& options, const Search& search) {
  std::vector<double> times;
  std::size_t bytes = 0;
  for (int i = 0; i < options.calls; ++i) {
    const std::string target = with_number(search.target, i * 7 % options.filling.organisations);
    const auto start = Steady::now();
    const http::Response response = caller.get(target);
    times.push_back(since(start) * 1e3);
    if (response.status != 200) std::fprintf(stderr, "%s: %s\n", target.c_str(), response.body.c_str()), std::exit(1);
    bytes = response.body.size();
  }
  print(options.json, search.name,
        {{"p50_ms", quantile(times, 0.5)}, {"p95_ms", quantile(times, 0.95)}, {"bytes", static_cast<double>(bytes)}});
}

/// Follows `next` through so many pages.
void measure_pages(Operator& caller, const Options& options, const char* name, const std::string& first, int pages) {
  std::vector<double> times;
  std::string target = first;
  for (int i = 0; i < pages; ++i) {
    const auto start = Steady::now();
    const http::Response response = caller.get(target);
    times.push_back(since(start) * 1e3);
    const auto json = base::parse_json(response.body).value();
    const auto* next = json.as_object().if_contains("next");
    if (next == nullptr) break;
    target = first + "&after=" + std::string(next->as_string());
  }
  print(options.json, name,
        {{"pages", static_cast<double>(times.size())},
         {"p50_ms", quantile(times, 0.5)},
         {"p95_ms", quantile(times, 0.95)}});
}

void measure_searches(Operator& caller, const Options& options, const std::string& serial) {
  const std::string list = "/v1/certificates?";
  const std::string of = "organisation=fill{n}&";
  const Search searches[] = {
      {"search_newest", list + "limit=100"},
      {"search_environment", list + "environment=uat"},
      {"search_environment_rare", list + "environment=internal"},
      {"search_purpose", list + "purpose=signing"},
      {"search_purpose_rare", list + "purpose=server"},
      {"search_organisation", list + of},
      {"search_organisation_environment", list + of + "environment=uat"},
      {"search_organisation_purpose", list + of + "purpose=signing"},
      {"search_organisation_valid", list + of + "status=valid"},
      {"search_organisation_revoked", list + of + "status=revoked"},
      {"search_organisation_expired", list + of + "status=expired"},
      {"search_application", list + of + "environment=production&application=app1"},
      {"search_application_expired", list + of + "environment=production&application=app1&status=expired"},
      {"search_valid", list + "status=valid"},
      {"search_revoked", list + "status=revoked"},
      {"search_expired", list + "status=expired"},
      {"search_purpose_revoked", list + "purpose=signing&status=revoked"},
      {"search_purpose_expired", list + "purpose=signing&status=expired"},
      {"search_of_1000", list + "limit=1000"},
      {"show_certificate", "/v1/certificates/" + serial},
      {"audit_page", "/v1/audit?after=1{n}&limit=100"},
      {"log_checkpoint", "/v1/log/checkpoint"},
      {"log_inclusion", "/v1/log/certificates/" + serial},
      {"log_consistency", "/v1/log/consistency?from=1{n}"},
  };
  for (const Search& search : searches)
    measure_search(caller, options, search);
  measure_pages(caller, options, "pages_of_all", list + "limit=1000", 200);
  measure_pages(caller, options, "pages_of_organisation", list + "limit=100&organisation=fill7", 50);
}

void measure_feed(Running& running, const Options& options) {
  auto start = Steady::now();
  auto snapshot = authority::take_snapshot(running.authority().ledger()).value();
  snapshot.feed = running.authority().feed_id();
  const double read = since(start);
  start = Steady::now();
  const std::string text = feed::to_json_text(snapshot);
  const double written = since(start);
  print(options.json, "feed_snapshot",
        {{"read_ms", read * 1e3}, {"write_ms", written * 1e3}, {"megabytes", static_cast<double>(text.size()) / 1e6}});
  start = Steady::now();
  const auto parsed = feed::parse_snapshot(text).value();
  const double understood = since(start);
  feed::Knowledge knowledge;
  start = Steady::now();
  BASE_CHECK(knowledge.replace(parsed).has_value());
  const double replaced = since(start);
  const feed::Copy copy(running.data() / "copy");
  start = Steady::now();
  BASE_CHECK(copy.start(parsed).has_value());
  const double saved = since(start);
  print(options.json, "gateway_snapshot",
        {{"parse_ms", understood * 1e3}, {"replace_ms", replaced * 1e3}, {"save_ms", saved * 1e3}});
  start = Steady::now();
  const auto loaded = copy.load().value();
  print(options.json, "gateway_start_from_copy", {{"load_ms", since(start) * 1e3}, {"peak_mb", peak_megabytes()}});
}

void measure_delta(Running& running, const Options& options) {
  std::vector<double> times;
  authority::Ledger& ledger = running.authority().ledger();
  for (int i = 0; i < options.calls; ++i) {
    const auto start = Steady::now();
    const auto last = static_cast<std::uint64_t>(ledger.applied().value_or(0));
    const auto found = authority::read_changes(ledger, last - 100).value();
    times.push_back(since(start) * 1e3);
    BASE_CHECK(found.changes.size() == 100);
  }
  print(options.json, "feed_changes_of_100", {{"p50_ms", quantile(times, 0.5)}, {"p95_ms", quantile(times, 0.95)}});
}

void measure_rest(Running& running, const Options& options) {
  auto start = Steady::now();
  const auto planned = running.authority().notices().plan();
  if (!planned) std::fprintf(stderr, "%s\n", base::to_string(planned.error()).c_str()), std::exit(1);
  print(options.json, "notices_plan", {{"ms", since(start) * 1e3}});
  if (testing::on_postgresql()) return;
  const auto registry = authority::DataFolder(running.data()).registry();
  const auto backup = running.data() / "backup.db";
  start = Steady::now();
  BASE_CHECK(testing::RawSqlite(registry).run("VACUUM INTO '" + backup.string() + "'"));
  print(options.json, "backup",
        {{"ms", since(start) * 1e3}, {"megabytes", static_cast<double>(std::filesystem::file_size(backup)) / 1e6}});
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--json") options.json = true;
    else if (word == "--certificates" && more) options.filling.certificates = std::strtoul(argv[++i], nullptr, 10);
    else if (word == "--organisations" && more) options.filling.organisations = std::atoi(argv[++i]);
    else if (word == "--calls" && more) options.calls = std::atoi(argv[++i]);
    else if (word == "--registry" && more && std::string_view(argv[i + 1]) == "postgresql")
      ++i, ::setenv("COUNTERSIGN_TEST_REGISTRY", "postgresql", 1);
    else
      std::fprintf(stderr,
                   "bench_registry [--json] [--certificates N] [--organisations N] [--calls N]"
                   " [--registry postgresql]\n"),
          std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  authority::NoObserver observer;
  Running running(observer);
  const double filled = fill(running.authority(), options.filling);
  print(options.json, "fill",
        {{"certificates", static_cast<double>(options.filling.certificates)},
         {"seconds", filled},
         {"us_each", filled / static_cast<double>(options.filling.certificates) * 1e6}});
  if (testing::on_postgresql()) BASE_CHECK(running.raw().run("ANALYZE"));  // as its autovacuum does in a minute
  print(options.json, "authority_start", {{"seconds", running.restart()}, {"peak_mb", peak_megabytes()}});
  const std::string serial = running.raw().ask("SELECT serial FROM certificates ORDER BY serial LIMIT 1");
  {
    Operator caller(running);
    measure_searches(caller, options, serial);
  }
  measure_delta(running, options);
  measure_rest(running, options);
  measure_feed(running, options);
}
