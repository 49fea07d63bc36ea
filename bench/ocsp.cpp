// Measures what revocation status costs: OCSP answers, alone and over HTTP; memory; the building of a CRL shard.
//
// CPU time is the operating system's account of this process (getrusage): of HTTP, the server is this process and the
// clients are a child. One line a case.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authority/doors/status_listener.h"
#include "authority/founding/establish.h"
#include "authority/issuance/signer.h"
#include "authority/registry/rows.h"
#include "authority/status/ocsp_answers.h"
#include "base/check.h"
#include "base/files.h"
#include "testing/folder.h"
#include "testing/raw_sqlite.h"
#include "x509/der.h"

namespace {

using namespace countersign;
using namespace countersign::authority;
using Steady = std::chrono::steady_clock;

constexpr base::Duration kDay = std::chrono::hours(24);
constexpr std::size_t kShards = 64;

struct Options {
  std::size_t certificates = 1'000'000;
  int seconds = 5;
  bool json = false;
};

struct Figure {
  std::string name;
  double value;
};

void print(const Options& options, const std::string& name, const std::vector<Figure>& figures) {
  std::string line = options.json ? "{\"case\":\"" + name + "\"" : "case=" + name;
  for (const Figure& one : figures) {
    char value[40];
    std::snprintf(value, sizeof value, one.value >= 1000 ? "%.0f" : "%.3g", one.value);
    line += options.json ? ",\"" + one.name + "\":" + value : " " + one.name + "=" + value;
  }
  std::printf("%s%s\n", line.c_str(), options.json ? "}" : "");
  std::fflush(stdout);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double allocated_megabytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / 1e6;
}

double since(Steady::time_point start) { return std::chrono::duration<double>(Steady::now() - start).count(); }

/// An established authority on disk, with as much of it as is measured.
struct World {
  World()
      : data(folder / "authority"),
        registry(open_registry(data)),
        seal(data.audit_head()),
        ledger({registry, seal, clock, view, listener}) {
    const base::Secret passphrase(std::string_view("a passphrase of a benchmark"));
    const FirstRun run{data, "Bench", {"localhost"}, passphrase, random};
    BASE_CHECK(establish(ledger, run).has_value());
    auto rows = ledger.read().value();
    hierarchy.emplace(Hierarchy::load(rows).value());
    signer.emplace(FileSigner::open(data.keys(), *hierarchy, passphrase).value());
  }
  static store::Registry open_registry(const DataFolder& data) {
    BASE_CHECK(base::make_folder(data.root()).has_value());
    return store::Registry::open(data.registry()).value();
  }
  class NobodyListens final : public PublicationListener {
    void published(std::uint64_t) override {}
  };

  testing::Folder folder;
  DataFolder data;
  base::SystemClock clock;
  crypto::SystemRandom random;
  trust::RegistryView view;
  NobodyListens listener;
  store::Registry registry;
  AuditSeal seal;
  Ledger ledger;
  std::optional<Hierarchy> hierarchy;
  std::optional<FileSigner> signer;
};

/// A snapshot of one CA with that many certificates, one in ten revoked, and a responder of its own.
struct Told {
  std::shared_ptr<const StatusSnapshot> snapshot;
  std::vector<base::Bytes> serials;
};

std::shared_ptr<const OcspResponder> make_responder(World& world, const IssuingCa& ca, crypto::PrivateKey& ca_key) {
  auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  x509::CertificateSpec spec{.serial = x509::Serial::generate(world.random).value(),
                             .subject = {"ocsp", "service", "internal"},
                             .not_before = world.clock.now() - kDay,
                             .not_after = world.clock.now() + kDay,
                             .key = key.public_key(),
                             .key_usage = {x509::KeyUsage::digital_signature},
                             .extended_key_usage = {std::string(x509::oid::kOcspSigning)},
                             .subject_alt_names = {},
                             .ca = std::nullopt};
  spec.ocsp_no_check = x509::OcspNoCheck::yes;
  const auto tbs = x509::build_tbs(spec, ca.certificate, ca_key.public_key()).value();
  auto certificate = x509::assemble(tbs, ca_key.sign(tbs.der).value()).value();
  const x509::Sha1 name = x509::OcspNames::of(certificate).key_sha1;
  return std::make_shared<const OcspResponder>(OcspResponder{std::move(key), std::move(certificate), name});
}

Told make_told(World& world, const Options& options) {
  const IssuingCa& ca = world.hierarchy->issuing_cas().front();
  auto ca_key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
  Told told;
  for (std::size_t i = 0; i < options.certificates; ++i)
    told.serials.push_back(x509::Serial::generate(world.random).value().magnitude());
  const base::Instant now = world.clock.now();
  const double before = allocated_megabytes();
  std::vector<CertificateStatus> statuses;
  for (std::size_t i = 0; i < options.certificates; ++i) {
    CertificateStatus one{.serial = to_octets(told.serials[i]).value(), .not_after = now + kDay};
    if (i % 10 == 0) one.revoked = true, one.revoked_at = now;
    statuses.push_back(one);
  }
  const auto start = Steady::now();
  StatusBook book = StatusBook().with(std::move(statuses));
  const double took = since(start);
  print(options, "book",
        {{"certificates", static_cast<double>(book.size())},
         {"megabytes", allocated_megabytes() - before},
         {"build_ms", took * 1e3}});
  auto snapshot = std::make_shared<StatusSnapshot>();
  snapshot->as_of = now;
  snapshot->files = std::make_shared<const std::map<std::string, ServedFile, std::less<>>>();
  snapshot->cas.push_back(std::make_shared<const CaStatus>(
      CaStatus{ca.name, x509::OcspNames::of(ca.certificate), std::move(book), make_responder(world, ca, ca_key)}));
  told.snapshot = std::move(snapshot);
  return told;
}

/// As `openssl ocsp -no_nonce` asks, with SHA-1.
base::Bytes make_request(const x509::OcspNames& names, const base::Bytes& serial, bool with_nonce) {
  using namespace x509;
  const base::Bytes algorithm = base::from_hex("300906052b0e03021a0500").value();
  const base::Bytes name = der::element(der::kOctetString, {names.name_sha1});
  const base::Bytes key = der::element(der::kOctetString, {names.key_sha1});
  base::Bytes number;
  der::append_integer(number, base::BytesView(serial));
  const base::Bytes id = der::element(der::kSequence, {algorithm, name, key, number});
  const base::Bytes single = der::element(der::kSequence, {id});
  const base::Bytes list = der::element(der::kSequence, {single});
  const base::Bytes nonce =
      base::from_hex("a2233021301f06092b0601050507300102041204100123456789abcdef0123456789abcdef").value();
  const base::Bytes tbs = der::element(der::kSequence, {list, with_nonce ? base::BytesView(nonce) : base::BytesView()});
  return der::element(der::kSequence, {tbs});
}

enum class Mode { kept, signed_each, nonce };

void measure_answers(const Options& options, const Told& told, Mode mode, const char* name) {
  constexpr std::size_t kHot = 10'000;
  const CaStatus& ca = *told.snapshot->cas.front();
  const std::size_t count = std::min(told.serials.size(), mode == Mode::kept ? kHot : 200'000UL);
  std::vector<base::Bytes> requests;
  for (std::size_t i = 0; i < count; ++i)
    requests.push_back(make_request(ca.names, told.serials[i], mode == Mode::nonce));
  OcspAnswers answers;
  const base::Instant now = told.snapshot->as_of;
  if (mode == Mode::kept)
    for (const base::Bytes& one : requests)
      answers.answer(one, *told.snapshot, now);
  std::size_t done = 0;
  const double cpu = cpu_seconds();
  const auto start = Steady::now();
  while (since(start) < options.seconds)
    for (int i = 0; i < 100; ++i)
      answers.answer(requests[done++ % requests.size()], *told.snapshot, now);
  const double used = cpu_seconds() - cpu;
  print(options, name,
        {{"answers_per_core_second", static_cast<double>(done) / used},
         {"cpu_us", used / static_cast<double>(done) * 1e6}});
}

/// Asks over keep-alive connections until `seconds` have passed; one request in flight on each.
void ask_over_http(const net::Endpoint& at, const std::vector<std::string>& requests, int seconds, int out) {
  constexpr int kConnections = 16;
  std::vector<int> sockets;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(at.port);
  inet_pton(AF_INET, at.host.c_str(), &address.sin_addr);
  for (int i = 0; i < kConnections; ++i) {
    sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    BASE_CHECK(::connect(sockets.back(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  std::size_t done = 0;
  std::vector<char> answer(64 * 1024);
  const auto start = Steady::now();
  while (since(start) < seconds) {
    for (const int socket : sockets) {
      const std::string& request = requests[done++ % requests.size()];
      BASE_CHECK(::send(socket, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    }
    for (const int socket : sockets)  // an answer is one write of less than a segment on loopback
      BASE_CHECK(::recv(socket, answer.data(), answer.size(), 0) > 200);
  }
  BASE_CHECK(::write(out, &done, sizeof done) == sizeof done);
}

void measure_http(const Options& options, World& world, const Told& told, Mode mode, const char* name) {
  const auto sink = base::stderr_sink();
  const base::Log log({"bench", base::Level::error}, world.clock, *sink);
  PublishedStatus published(told.snapshot);
  const auto listener = StatusListener::bind({"127.0.0.1", 0}, log).value();
  const CaStatus& ca = *told.snapshot->cas.front();
  std::vector<std::string> requests;
  const std::size_t count = std::min(told.serials.size(), mode == Mode::kept ? 10'000UL : 200'000UL);
  for (std::size_t i = 0; i < count; ++i) {
    const base::Bytes body = make_request(ca.names, told.serials[i], mode == Mode::nonce);
    requests.push_back(
        "POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + std::string(base::as_text(body)));
  }
  int pipe[2];
  BASE_CHECK(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ask_over_http(listener->local(), requests, options.seconds, pipe[1]);
    ::_exit(0);
  }
  listener->start(published, world.clock);
  const double cpu = cpu_seconds();
  const auto start = Steady::now();
  std::size_t done = 0;
  BASE_CHECK(::read(pipe[0], &done, sizeof done) == sizeof done);
  const double used = cpu_seconds() - cpu;
  const double took = since(start);
  ::waitpid(child, nullptr, 0);
  listener->stop();
  print(options, name,
        {{"answers_per_core_second", static_cast<double>(done) / used},
         {"cpu_us", used / static_cast<double>(done) * 1e6},
         {"rate", static_cast<double>(done) / took}});
}

/// That many revoked certificates of one CA in the registry; then one shard is recorded, linted, signed and published.
void measure_shard(const Options& options, World& world) {
  const IssuingCa& ca = world.hierarchy->issuing_cas().front();
  const std::string now = std::to_string(world.clock.now().micros);
  testing::RawSqlite raw(world.data.registry());
  BASE_CHECK(raw.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < " +
      std::to_string(options.certificates) +
      ") INSERT INTO certificates (serial, fingerprint, spki_sha256, der, environment, organisation, application, "
      "purpose,"
      " issuer, issued_at, not_before, not_after, revoked_at, revoked_for, crl_shard)"
      " SELECT printf('01%024x%08x', i * 7919, i), 'f' || i, 's', '', 'production', 'provider', 'ehi', 'transport', '" +
      ca.name + "', " + now + ", " + now + ", " + now + " + 86400000000, " + now + ", 'key_compromise', i % " +
      std::to_string(kShards) + " FROM n"));
  NoObserver observer;
  std::vector<double> times;
  std::vector<double> cpu_times;
  double bytes = 0;
  for (std::uint32_t shard = 0; shard < 16; ++shard) {
    const double cpu = cpu_seconds();
    const auto start = Steady::now();
    auto recorded = record_crls(world.ledger, {{&ca, shard}}, {"http://pki.example"});
    BASE_CHECK(recorded.has_value());
    const double built = since(start);
    const auto signature = world.signer->sign_crl(std::move(recorded->front().permit));
    BASE_CHECK(signature.has_value());
    times.push_back(built);
    cpu_times.push_back(cpu_seconds() - cpu);
    bytes = static_cast<double>(recorded->front().tbs.der.size());
  }
  std::ranges::sort(times);
  std::ranges::sort(cpu_times);
  // From the registry to a permit to sign: read, built, linted, recorded; CPU with the signature.
  print(options, "crl_shard",
        {{"revoked", static_cast<double>(options.certificates)},
         {"shards", static_cast<double>(kShards)},
         {"bytes", bytes},
         {"cpu_ms_p50", cpu_times[cpu_times.size() / 2] * 1e3},
         {"p50_ms", times[times.size() / 2] * 1e3},
         {"max_ms", times.back() * 1e3}});
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") options.json = true;
    else if (word == "--certificates" && i + 1 < argc) options.certificates = std::strtoul(argv[++i], nullptr, 10);
    else if (word == "--seconds" && i + 1 < argc) options.seconds = std::atoi(argv[++i]);
    else std::fprintf(stderr, "bench_ocsp [--json] [--certificates N] [--seconds S]\n"), std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  World world;
  {
    const Told told = make_told(world, options);
    measure_answers(options, told, Mode::kept, "answer_kept");
    measure_answers(options, told, Mode::signed_each, "answer_signed");
    measure_answers(options, told, Mode::nonce, "answer_nonce");
    measure_http(options, world, told, Mode::kept, "http_kept");
    measure_http(options, world, told, Mode::nonce, "http_nonce");
  }
  measure_shard(options, world);
}
