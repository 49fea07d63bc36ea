// Compares countersign-gateway with nginx and HAProxy: what one operation costs the server, in CPU time as the
// operating system accounts it, and how long it takes. One line a case and peer.
//
// Servers are driven in turn (A B C A B C ...) by the same client with the same certificates, in front of the same
// upstream; the ratio is the median of the ratios of neighbouring turns.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>

#include <sys/resource.h>

#include "floor.h"
#include "load.h"
#include "peers.h"
#include "upstream.h"

namespace countersign::bench {
namespace {

struct Options {
  std::string gateway;
  std::vector<std::string> cases = {
      "full", "keepalive",  "body_1m", "upload_1m",         "http2",   "http2_streams", "http2_body_1m",
      "idle", "idle_http2", "workers", "workers_keepalive", "revoked", "index",         "floor"};
  std::vector<std::string> peers = {"nginx", "haproxy"};
  int rounds = 5;
  double seconds = 5;
  std::size_t revoked = 1'000'000;
  std::size_t idle = 2'000;
  std::string access_log = "on";
  bool json = false;
};

struct Figure {
  std::string name;
  std::string value;  ///< as printed
  bool is_text = false;
};

std::string rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.3f", value);
  return text;
}

void print(const Options& options, const std::vector<Figure>& figures) {
  std::string line;
  for (const Figure& one : figures) {
    const std::string quote = options.json && one.is_text ? "\"" : "";
    line += line.empty() ? "" : options.json ? "," : " ";
    line += options.json ? "\"" + one.name + "\":" + quote + one.value + quote : one.name + "=" + one.value;
  }
  std::printf(options.json ? "{%s}\n" : "%s\n", line.c_str());
  std::fflush(stdout);
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// One turn of one server.
struct Turn {
  double cpu_us = 0;
  double rate = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Turn take_turn(const Server& server, const Identity& client, const Load& load, double seconds) {
  const double before = server.process.cpu_seconds();
  const Run run = drive(server.port, client, load, seconds);
  const double cpu = server.process.cpu_seconds() - before;
  if (run.errors > run.operations / 1000 || run.operations == 0)
    std::fprintf(stderr, "%s: %zu of %zu operations failed: %s\n", server.name.c_str(), run.errors,
                 run.errors + run.operations, run.first_error.c_str());
  const auto count = static_cast<double>(std::max<std::size_t>(run.operations, 1));
  return {cpu / count * 1e6, count / run.seconds, run.percentile(50), run.percentile(99)};
}

using Turns = std::map<std::string, std::vector<Turn>>;

double median_of(const std::vector<Turn>& turns, double Turn::*member) {
  std::vector<double> values;
  for (const Turn& turn : turns)
    values.push_back(turn.*member);
  return median(std::move(values));
}

std::vector<double> ratios_of(const std::vector<Turn>& own, const std::vector<Turn>& peer) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < own.size(); ++i)
    ratios.push_back(own[i].cpu_us / peer[i].cpu_us);
  return ratios;
}

/// Drives all `servers` in turn, the first being ours, and prints one line for each of the others.
void compare(const Options& options, const std::string& name, const std::vector<const Server*>& servers,
             const Identity& client, const Load& load) {
  constexpr double kWarmUp = 0.5;
  Turns turns;
  for (const Server* server : servers)
    (void)drive(server->port, client, load, kWarmUp);
  for (int round = 0; round < options.rounds; ++round)
    for (const Server* server : servers)
      turns[server->name].push_back(take_turn(*server, client, load, options.seconds));
  const std::vector<Turn>& own = turns[servers.front()->name];
  for (std::size_t i = 1; i < servers.size(); ++i) {
    const std::vector<Turn>& peer = turns[servers[i]->name];
    std::vector<double> ratios = ratios_of(own, peer);
    std::ranges::sort(ratios);
    print(options, {{"case", name, true},
                    {"server", servers.front()->name, true},
                    {"peer", servers[i]->name, true},
                    {"ratio", rounded(median(ratios))},
                    {"lowest", rounded(ratios.front())},
                    {"highest", rounded(ratios.back())},
                    {"cpu_us", rounded(median_of(own, &Turn::cpu_us))},
                    {"peer_cpu_us", rounded(median_of(peer, &Turn::cpu_us))},
                    {"rate", rounded(median_of(own, &Turn::rate))},
                    {"peer_rate", rounded(median_of(peer, &Turn::rate))},
                    {"p50_us", rounded(median_of(own, &Turn::p50_us))},
                    {"p99_us", rounded(median_of(own, &Turn::p99_us))},
                    {"peer_p50_us", rounded(median_of(peer, &Turn::p50_us))},
                    {"peer_p99_us", rounded(median_of(peer, &Turn::p99_us))},
                    {"rounds", std::to_string(options.rounds)}});
  }
}

/// Starts what a case needs, once, and runs the cases.
class Comparison {
 public:
  explicit Comparison(const Options& options) : options_(options) {}

  /// False when there is no such case.
  bool run(const std::string& name) {
    const std::map<std::string, std::function<void()>> cases = {
        {"full", [&] { against_peers("full", {.each = Load::Each::connection}); }},
        {"keepalive", [&] { against_peers("keepalive", {.each = Load::Each::request}); }},
        {"body_1m", [&] { against_peers("body_1m", body(kMebibyte, 0)); }},
        {"upload_1m", [&] { against_peers("upload_1m", body(100, kMebibyte)); }},
        {"body_1g", [&] { against_peers("body_1g", body(kMebibyte << 10, 0)); }},
        {"http2", [&] { against_peers("http2", {.each = Load::Each::request, .streams = 1}); }},
        {"http2_streams",
         [&] { against_peers("http2_streams", {.each = Load::Each::request, .at_once = 4, .streams = 16}); }},
        {"http2_body_1m", [&] { against_peers("http2_body_1m", h2_body(kMebibyte)); }},
        {"idle", [&] { idle("idle", {}); }},
        {"idle_http2", [&] { idle("idle_http2", {.streams = 1}); }},
        {"workers", [&] { workers("workers", {.each = Load::Each::connection}); }},
        {"workers_keepalive", [&] { workers("workers_keepalive", {.each = Load::Each::request}); }},
        {"revoked", [&] { revoked(); }},
        {"floor", [&] { floor(); }},
        {"index", [&] { index(); }},
    };
    const auto found = cases.find(name);
    if (found == cases.end()) return false;
    found->second();
    return true;
  }

 private:
  static constexpr std::size_t kMebibyte = 1024 * 1024;
  static Load body(std::size_t response, std::size_t request) {
    return {.each = Load::Each::request, .response_bytes = response, .request_bytes = request, .at_once = 4};
  }

  static Load h2_body(std::size_t response) {
    return {.each = Load::Each::request, .response_bytes = response, .at_once = 4, .streams = 1};
  }

  Setup setup(int workers) const {
    return {material_, options_.gateway, upstream_.port(), workers, options_.access_log};
  }

  const Server& gateway(const std::string& name, int workers, std::size_t revoked) {
    if (!servers_.contains(name)) servers_.emplace(name, start_gateway(setup(workers), name, revoked));
    return servers_.at(name);
  }
  const Server& own() { return gateway("countersign", 1, 0); }
  const Server& peer(const std::string& name, int workers = 1) {
    const std::string key = workers == 1 ? name : name + "-with-two";
    if (!servers_.contains(key)) servers_.emplace(key, start_peer(setup(workers), name));
    return servers_.at(key);
  }

  void against_peers(const std::string& name, const Load& load) {
    std::vector<const Server*> servers = {&own()};
    for (const std::string& one : options_.peers)
      servers.push_back(&peer(one));
    compare(options_, name, servers, material_.client(), load);
  }

  /// Two workers beside one, of ours and of each peer: what the machine makes of it shows in theirs.
  void workers(const std::string& name, const Load& load) {
    compare(options_, name, {&gateway("two-workers", 2, 0), &own()}, material_.client(), load);
    for (const std::string& one : options_.peers)
      compare(options_, name, {&peer(one, 2), &peer(one)}, material_.client(), load);
  }

  void revoked() {
    const Server& with = gateway("with-revoked", 1, options_.revoked);
    compare(options_, "revoked", {&with, &own()}, material_.client(), {.each = Load::Each::connection});
    servers_.erase("with-revoked");
  }

  /// Memory of each server for connections that have made one request: fresh servers, so that nothing is left over.
  void idle(const std::string& case_name, const Load& one) {
    std::vector<std::pair<std::string, double>> figures;
    std::vector<std::string> names = options_.peers;
    names.insert(names.begin(), "countersign");
    for (const std::string& name : names) {
      servers_.erase(name);
      std::filesystem::remove_all(material_.file(name));
      std::filesystem::remove_all(material_.file(name + "-1"));
      const Server& server = name == "countersign" ? own() : peer(name);
      (void)drive(server.port, material_.client(), {.each = Load::Each::connection}, 1);
      const double before = server.process.resident_bytes();
      const IdleConnections open(server.port, material_.client(), one, options_.idle);
      if (open.errors() > 0) std::fprintf(stderr, "%s: %zu connections failed\n", name.c_str(), open.errors());
      const double each = (server.process.resident_bytes() - before) / static_cast<double>(options_.idle);
      figures.emplace_back(name, each / 1024);
    }
    for (std::size_t i = 1; i < figures.size(); ++i)
      print(options_, {{"case", case_name, true},
                       {"peer", figures[i].first, true},
                       {"ratio", rounded(figures.front().second / figures[i].second)},
                       {"kib", rounded(figures.front().second)},
                       {"peer_kib", rounded(figures[i].second)},
                       {"connections", std::to_string(options_.idle)}});
  }

  void floor() const {
    const Floor cost = measure_floor(options_.seconds);
    print(options_, {{"case", "floor", true},
                     {"cpu_us", rounded(cost.sum())},
                     {"x25519_us", rounded(cost.key_exchange_us)},
                     {"sign_us", rounded(cost.sign_us)},
                     {"verify_us", rounded(cost.verify_us)}});
  }

  void index() const {
    const IndexCost cost = measure_index(options_.revoked);
    print(options_, {{"case", "index", true},
                     {"revoked", std::to_string(options_.revoked)},
                     {"look_up_us", rounded(cost.look_up_us)},
                     {"replace_ms", rounded(cost.replace_ms)},
                     {"longest_look_up_us", rounded(cost.longest_us)}});
  }

  const Options& options_;
  Material material_;
  Upstream upstream_;
  std::map<std::string, Server> servers_;
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    if (end > start) parts.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

[[noreturn]] void usage() {
  std::fprintf(
      stderr,
      "usage: bench/compare [--cases full,keepalive,...] [--peers nginx,haproxy,...] [--rounds N]\n"
      "  [--seconds S] [--revoked N] [--idle N] [--access-log on|off] [--json]\n"
      "cases: full keepalive body_1m upload_1m body_1g http2 http2_streams http2_body_1m idle idle_http2 workers\n"
      "  workers_keepalive revoked index floor\n"
      "peers: nginx haproxy nginx-no-tickets haproxy-no-tickets\n");
  std::exit(2);
}

Options read_options(int argc, char** argv) {
  Options options;
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--gateway", [&](const std::string& value) { options.gateway = value; }},
      {"--cases", [&](const std::string& value) { options.cases = split(value); }},
      {"--peers", [&](const std::string& value) { options.peers = split(value); }},
      {"--rounds", [&](const std::string& value) { options.rounds = std::max(1, std::atoi(value.c_str())); }},
      {"--seconds", [&](const std::string& value) { options.seconds = std::max(0.1, std::atof(value.c_str())); }},
      {"--revoked", [&](const std::string& value) { options.revoked = std::strtoul(value.c_str(), nullptr, 10); }},
      {"--idle", [&](const std::string& value) { options.idle = std::strtoul(value.c_str(), nullptr, 10); }},
      {"--access-log", [&](const std::string& value) { options.access_log = value; }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json") {
      options.json = true;
      continue;
    }
    const auto found = known.find(word);
    if (found == known.end() || i + 1 == argc) usage();
    found->second(argv[++i]);
  }
  if (options.gateway.empty() || options.idle == 0) usage();
  return options;
}

void raise_file_limit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace
}  // namespace countersign::bench

int main(int argc, char** argv) {
  using namespace countersign::bench;
  const Options options = read_options(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  Comparison comparison(options);
  for (const std::string& name : options.cases)
    if (!comparison.run(name)) usage();
  return 0;
}
