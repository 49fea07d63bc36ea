#include "check/observe.h"

#include <algorithm>
#include <array>

#include "check/attempts.h"
#include "check/ciphers.h"
#include "check/impostors.h"
#include "net/network.h"

namespace countersign::check {
namespace {

using tls::Probe;

/// What every server of today has one of, for TLS 1.2; and what those of yesterday have.
constexpr std::uint16_t kModern[] = {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009,
                                     0xc013, 0xc00a, 0xc014, 0x009e, 0x009c, 0x002f, 0x0035};
constexpr std::uint16_t kFormer[] = {0xc009, 0xc013, 0xc00a, 0xc014, 0x0033, 0x0039, 0x0016,
                                     0x002f, 0x0035, 0x000a, 0x0005, 0xc006, 0xc010, 0xc018};
constexpr WireVersion kOldVersions[] = {WireVersion::ssl3, WireVersion::tls10, WireVersion::tls11};
/// In libssl's words: Diffie-Hellman over integers, with a certificate.
constexpr const char* kFiniteField = "kDHE:!aNULL";

template <std::size_t N>
std::vector<std::uint16_t> listed(const std::uint16_t (&ciphers)[N]) {
  return {std::begin(ciphers), std::end(ciphers)};
}

std::vector<std::uint16_t> listed(std::span<const Cipher> ciphers) {
  std::vector<std::uint16_t> numbers;
  for (const Cipher& cipher : ciphers)
    numbers.push_back(cipher.number);
  return numbers;
}

class Observer {
 public:
  Observer(const Target& target, Surroundings with)
      : target_(target),
        with_(with),
        end_(net::Deadline::after(kObserveTime)),
        caller_(target, with.loop, {end_, with.clock.now()}),
        seen_{.host = target.url.authority.host,
              .anchors = target.anchors,
              .at = with.clock.now(),
              .deadline = target.deadline,
              .asker = target.asker} {}

  net::Task<Observations> run();

 private:
  net::Deadline soon() const { return net::Deadline::earlier(net::Deadline::after(target_.patience), end_); }
  net::Task<base::Result<HelloAnswer>> say_hello(HelloSpec spec);
  net::Task<std::optional<HelloAnswer>> server_hello_to(HelloSpec spec);
  net::Task<bool> reach();
  net::Task<void> try_old_versions();
  net::Task<std::vector<std::string>> ciphers_among(std::vector<std::uint16_t> offered);
  net::Task<void> try_ciphers();
  net::Task<Look> look(Probe::Version version);
  net::Task<void> look_at_handshakes();
  void note_own();
  bool may_be_shown_ours() const;
  net::Task<void> try_credentials();
  net::Task<void> try_impostor(std::string_view check, const tls::Credential* credential);
  net::Task<void> try_resumption();
  net::Task<void> measure();

  const Target& target_;
  Surroundings with_;
  net::Deadline end_;
  Caller caller_;
  Observations seen_;
};

/// One connection, one ClientHello, the first answer.
net::Task<base::Result<HelloAnswer>> Observer::say_hello(HelloSpec spec) {
  if (!net::Address::parse(seen_.host)) spec.server_name = seen_.host;
  BASE_CO_TRY(const base::Bytes hello, build_client_hello(spec, with_.random));
  const net::Deadline deadline = soon();
  net::Endpoint to = target_.to();
  auto connected = co_await net::Socket::connect(with_.loop, std::move(to), deadline);
  if (!connected)
    co_return base::unexpected(std::move(connected).error().under(
        "check.unreachable", "'" + target_.url.authority.to_string() + "' is not reached"));
  net::Socket socket = std::move(*connected);
  BASE_CO_TRY_VOID(co_await socket.write_all(hello, deadline));
  base::Bytes received;
  std::array<std::uint8_t, 4096> buffer;
  while (received.size() < kHelloAnswerLimit) {
    BASE_CO_TRY(const std::size_t count, co_await socket.read_some(buffer, deadline));
    if (count == 0) break;
    received.insert(received.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
    if (auto answer = read_answer(received)) co_return std::move(*answer);
  }
  co_return base::fail(base::Kind::unavailable, "net.reset", "the server closed the connection without an answer");
}

/// False where there is no TLS to look at.
net::Task<bool> Observer::reach() {
  HelloSpec spec{.ciphers = listed(kModern)};
  auto answer = co_await say_hello(std::move(spec));
  if (answer) {
    seen_.first = std::move(*answer);
    co_return seen_.first->kind != HelloAnswer::Kind::plaintext;
  }
  const base::Error& error = answer.error();
  if (error.code == "check.unreachable") seen_.unreachable = plain(base::to_string(error), 300);
  seen_.silent = plain(error.detail, 300);
  co_return false;
}

/// What the server chose; nothing where it refused. Whoever is not reached, or says nothing, has not refused: noted.
net::Task<std::optional<HelloAnswer>> Observer::server_hello_to(HelloSpec spec) {
  auto answer = co_await say_hello(std::move(spec));
  if (answer && answer->kind == HelloAnswer::Kind::server_hello) co_return std::move(*answer);
  if (!answer && answer.error().code != "net.reset") seen_.unanswered = plain(base::to_string(answer.error()), 200);
  co_return std::nullopt;
}

net::Task<void> Observer::try_old_versions() {
  for (const WireVersion version : kOldVersions) {
    HelloSpec spec{.version = version, .ciphers = listed(kFormer)};
    const auto answer = co_await server_hello_to(std::move(spec));
    if (answer && answer->version == static_cast<std::uint16_t>(version)) seen_.old_versions.push_back(version);
  }
}

/// Each that the server chooses is taken away, until it wants none of those that are left.
net::Task<std::vector<std::string>> Observer::ciphers_among(std::vector<std::uint16_t> offered) {
  std::vector<std::string> chosen;
  while (!offered.empty()) {
    HelloSpec spec{.ciphers = offered};
    const auto answer = co_await server_hello_to(std::move(spec));
    if (!answer || std::erase(offered, answer->cipher) == 0) break;
    chosen.push_back(name_of_cipher(answer->cipher));
  }
  co_return chosen;
}

net::Task<void> Observer::try_ciphers() {
  seen_.broken_ciphers = co_await ciphers_among(listed(broken_ciphers()));
  seen_.static_ciphers = co_await ciphers_among(listed(ciphers_without_forward_secrecy()));
  HelloSpec spec{.ciphers = listed(kModern), .offers_compression = true};
  const auto answer = co_await server_hello_to(std::move(spec));
  seen_.compression = answer && answer->compressed;
  Probe::Options options = caller_.options(nullptr);
  options.version = Probe::Version::tls12;
  options.ciphers = kFiniteField;
  const auto probe = co_await Probe::connect(with_.loop, std::move(options), soon());
  seen_.finite_field_bits = probe ? probe->sighting().finite_field_bits : probe.error().seen_so_far.finite_field_bits;
}

net::Task<Look> Observer::look(Probe::Version version) {
  Probe::Options options = caller_.options(nullptr);
  options.version = version;
  auto probe = co_await Probe::connect(with_.loop, std::move(options), soon());
  if (probe) {
    Look seen{.offered = true, .sighting = probe->sighting()};
    co_await probe->stream().finish(soon());
    co_return std::move(seen);
  }
  tls::ProbeFailure& failure = probe.error();
  const bool offered = !failure.seen_so_far.chain.empty() || failure.seen_so_far.asked;
  co_return Look{
      .offered = offered, .sighting = std::move(failure.seen_so_far), .failure = plain(failure.error.detail, 300)};
}

net::Task<void> Observer::look_at_handshakes() {
  seen_.tls13 = co_await look(Probe::Version::tls13);
  seen_.tls12 = co_await look(Probe::Version::tls12);
  if (!seen_.tls13.offered && !seen_.tls12.offered) seen_.oldest = co_await look(Probe::Version::any);
}

void Observer::note_own() {
  seen_.has_own = target_.own.has_value();
  if (target_.next) seen_.next_ca = plain(target_.next->chain.front().issuer().text);
  std::vector<x509::Certificate> cas = target_.trust_chain;
  if (target_.own) cas.insert(cas.end(), target_.own->chain.begin() + 1, target_.own->chain.end());
  for (const x509::Certificate& ca : cas) {
    if (std::ranges::find(seen_.own_ca_names, ca.subject().der) != seen_.own_ca_names.end()) continue;
    seen_.own_ca_names.push_back(ca.subject().der);
    if (seen_.provider.empty()) seen_.provider = plain(ca.subject().organisation);
  }
}

net::Task<void> Observer::try_impostor(std::string_view check, const tls::Credential* credential) {
  Impostor tried;
  tried.attempt = co_await caller_.attempt(credential);
  seen_.impostors[std::string(check)] = std::move(tried);
}

/// Somebody at a command line shows what is his to whom he likes. The authority goes where partners say, and shows it
/// to a server alone that proves to be the host it is called, as the sender does: else one could lead it to another's.
bool Observer::may_be_shown_ours() const {
  return target_.asker != Asker::authority || believes_server(target_, seen_.best().sighting.chain, seen_.at);
}

net::Task<void> Observer::try_credentials() {
  if (!may_be_shown_ours()) {
    seen_.asker = Asker::unproven;
    seen_.has_own = false;
    seen_.next_ca.clear();
    co_await try_impostor("refuse.no_certificate", nullptr);
    seen_.asked_late = caller_.asked_late();
    co_return;
  }
  const bool asked = seen_.best().sighting.asked;
  if (target_.own) seen_.ours = co_await caller_.attempt(&*target_.own);
  co_await try_impostor("refuse.no_certificate", nullptr);
  seen_.asked_late = caller_.asked_late();
  if (!asked && !seen_.asked_late) co_return;  // nothing is asked for, so nothing is sent
  if (target_.own) {
    const std::vector<ThrowAway> made = make_throw_aways(*target_.own, target_.trust_chain);
    for (const ThrowAway& one : made) {
      if (one.credential) {
        co_await try_impostor(one.check, &*one.credential);
      } else {
        Impostor missing{.why_not = plain(one.credential.error().detail, 300)};
        seen_.impostors[std::string(one.check)] = std::move(missing);
      }
    }
  }
  if (target_.next) seen_.next = co_await caller_.attempt(&*target_.next);
  for (const TestCredential& one : target_.test_credentials)
    co_await try_impostor(one.check, &one.credential);
}

net::Task<void> Observer::try_resumption() {
  struct Way {
    std::string_view name;
    const Look& look;
    Probe::Version version;
    Probe::Tickets tickets;
  };
  const Way ways[] = {{"TLS 1.3", seen_.tls13, Probe::Version::tls13, Probe::Tickets::accepted},
                      {"TLS 1.2 by ticket", seen_.tls12, Probe::Version::tls12, Probe::Tickets::accepted},
                      {"TLS 1.2 by session id", seen_.tls12, Probe::Version::tls12, Probe::Tickets::declined}};
  for (const Way& way : ways) {
    if (!way.look.offered) continue;
    Resumption outcome = co_await caller_.resume(way.version, way.tickets);
    outcome.way = way.name;
    seen_.resumptions.push_back(outcome);
  }
}

net::Task<void> Observer::measure() {
  Measured measured = co_await caller_.measure();
  seen_.warm_requests = std::move(measured.warm);
  seen_.cold_requests = std::move(measured.cold);
  seen_.connections = measured.connections;
  seen_.requests_failed = std::move(measured.failed);
  seen_.error_status = measured.error_status;
}

net::Task<Observations> Observer::run() {
  note_own();
  const bool speaks_tls = co_await reach();
  if (speaks_tls) {
    co_await look_at_handshakes();
    co_await try_old_versions();
    co_await try_ciphers();
    co_await try_credentials();
    if (is_accepted(seen_.ours)) {
      co_await try_resumption();
      co_await measure();
    }
  }
  seen_.handshakes = caller_.handshakes();
  seen_.server = caller_.server();
  co_return std::move(seen_);
}

}  // namespace

net::Task<Observations> observe(const Target& target, Surroundings with) {
  Observer observer(target, with);
  co_return co_await observer.run();
}

}  // namespace countersign::check
