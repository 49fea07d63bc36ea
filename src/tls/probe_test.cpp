// A probe against servers of ours and against one that says nothing: what is taken down, and that nothing is believed.
#include "tls/probe.h"

#include <array>

#include <gtest/gtest.h>

#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"
#include "tls/handshake.h"

namespace countersign::tls {
namespace {

using testing::Issued;
using testing::Pki;
using testing::soon;

Credential credential_of(Issued issued) { return {std::move(issued.chain), std::move(issued.key)}; }

JudgeClient judge_ehi(const Pki& pki, const trust::RegistryView& registry) {
  return [&](const trust::PresentedChain& presented) -> base::Result<trust::AdmittedChain, trust::Refusal> {
    auto chain = trust::verify_chain(presented, {.purposes = {trust::Purpose::ehi}}, pki.trust_set(), pki.now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), registry);
  };
}

/// Takes one connection, answers the first bytes with "ok", ends.
net::Task<void> serve(net::Listener& listener, std::shared_ptr<const ServerContext> context, JudgeClient judge) {
  auto socket = co_await listener.accept();
  auto connection = co_await Handshake::accept(std::move(*socket), std::move(context), std::move(judge), soon());
  if (!connection) co_return;
  std::array<std::uint8_t, 16> buffer;
  if (co_await connection->stream->read_some(buffer, soon()))
    (void)co_await connection->stream->write_all(base::as_bytes("ok"), soon());
  co_await connection->stream->finish(soon());
}

struct Seen {
  std::optional<Sighting> sighting = {};
  std::string failure = {};  ///< of the handshake or the answer
  bool answered = false;
};

net::Task<Seen> look(net::Loop& loop, Probe::Options options, base::Duration patience) {
  Seen seen;
  auto probe = co_await Probe::connect(loop, std::move(options), net::Deadline::after(patience));
  if (!probe) {
    seen.failure = probe.error().error.code;
    co_return seen;
  }
  seen.sighting = probe->sighting();
  std::array<std::uint8_t, 16> buffer;
  (void)co_await probe->stream().write_all(base::as_bytes("hello"), soon());
  auto got = co_await probe->stream().read_some(buffer, soon());
  seen.answered = got && *got > 0;
  if (!got) seen.failure = got.error().code;
  co_return seen;
}

class ProbeTest : public ::testing::Test {
 protected:
  Seen look_with(const Credential* own, Probe::Version version = Probe::Version::any, bool is_believed = true) {
    const Credential server = credential_of(pki.server().expired().issue());
    auto context = ServerContext::make(server, ClientCertificate::required, {pki.provider_root().certificate}).value();
    const auto registry = pki.registry();
    net::Loop loop;
    net::Listener listener = net::Listener::bind(loop, {.at = {"127.0.0.1", 0}}).value();
    const testing::KeptLog log;
    net::spawn(loop, serve(listener, context, judge_ehi(pki, *registry)), "server", log.log());
    Probe::Options options{.to = listener.local(), .server_name = "localhost", .version = version, .own = own};
    options.believes = [is_believed](const auto& chain) { return is_believed && !chain.empty(); };
    return testing::run(loop, look(loop, std::move(options), std::chrono::seconds(20)));
  }

  Pki pki;
};

TEST_F(ProbeTest, TakesDownWhatIsShown) {
  const Credential own = credential_of(pki.ehi().issue());
  for (const auto& [version, name] :
       {std::pair(Probe::Version::tls13, "TLSv1.3"), {Probe::Version::tls12, "TLSv1.2"}}) {
    const Seen seen = look_with(&own, version);
    ASSERT_TRUE(seen.sighting) << seen.failure;
    EXPECT_EQ(seen.sighting->version, name);
    EXPECT_EQ(seen.sighting->chain.size(), 2U);  // as sent, though it has expired
    EXPECT_TRUE(seen.sighting->asked);
    EXPECT_EQ(seen.sighting->ca_names, std::vector{pki.provider_root().certificate.subject().der});
    EXPECT_EQ(seen.sighting->ca_texts.size(), 1U);
    EXPECT_FALSE(seen.sighting->resumed);
    EXPECT_EQ(seen.sighting->finite_field_bits, 0);
    EXPECT_TRUE(seen.answered);
  }
}

TEST_F(ProbeTest, WithoutACertificateGetsNoAnswer) {
  const Seen late = look_with(nullptr, Probe::Version::tls13);
  EXPECT_TRUE(late.sighting);  // in TLS 1.3 the refusal comes with the answer
  EXPECT_FALSE(late.answered);
  EXPECT_EQ(late.failure, "tls.alert_received");
  const Seen early = look_with(nullptr, Probe::Version::tls12);
  EXPECT_FALSE(early.sighting);
  EXPECT_EQ(early.failure, "tls.alert_received");
}

TEST_F(ProbeTest, ShowsNothingToWhoIsNotBelieved) {
  const Credential own = credential_of(pki.ehi().issue());
  for (const Probe::Version version : {Probe::Version::tls13, Probe::Version::tls12}) {
    const Seen seen = look_with(&own, version, false);
    EXPECT_FALSE(seen.sighting);
    EXPECT_EQ(seen.failure, "tls.not_believed");
    EXPECT_TRUE(look_with(&own, version, true).answered);
  }
}

net::Task<void> hold(net::Listener& listener, std::optional<net::Socket>& held) {
  auto socket = co_await listener.accept();
  if (socket) held.emplace(std::move(*socket));
}

TEST_F(ProbeTest, IsNotHeldUpByWhoSaysNothing) {
  net::Loop loop;
  net::Listener listener = net::Listener::bind(loop, {.at = {"127.0.0.1", 0}}).value();
  const testing::KeptLog log;
  std::optional<net::Socket> held;
  net::spawn(loop, hold(listener, held), "server", log.log());
  Probe::Options options{.to = listener.local(), .server_name = "localhost"};
  const Seen seen = testing::run(loop, look(loop, std::move(options), std::chrono::milliseconds(100)));
  EXPECT_EQ(seen.failure, "net.timeout");
  held.reset();
}

}  // namespace
}  // namespace countersign::tls
