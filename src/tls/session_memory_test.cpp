// Sessions that are kept, over real handshakes: whose are kept, how many, and that nobody ends another's.
#include "tls/session_memory.h"

#include <thread>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "testing/run.h"
#include "testing/soon.h"
#include "testing/tls_caller.h"
#include "tls/handshake.h"

namespace countersign::tls {
namespace {

using testing::Issued;
using testing::KeptSession;
using testing::Pki;
using testing::soon;
using testing::TlsCaller;
using Version = TlsCaller::Version;

net::Task<void> serve(net::Socket socket, Entrance entrance) {
  auto connection = co_await Handshake::accept_at(std::move(socket), std::move(entrance), soon());
  if (!connection) co_return;
  std::array<std::uint8_t, 512> buffer;
  (void)co_await connection->stream->read_some(buffer, soon());
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  (void)co_await connection->stream->write_all(base::as_bytes(kAnswer), soon());
  co_await connection->stream->finish(soon());
}

/// A site that lets clients come back, on a thread of its own.
class Kept : public ::testing::Test {
 protected:
  ~Kept() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void start(SessionMemory::Limits limits) {
    registry_ = pki_.registry();
    library_ = Library::make().value();
    memory_ = std::make_shared<SessionMemory>(limits, library_, pki_.clock());
    Issued own = pki_.internal_server().issue();
    const Credential credential{std::move(own.chain), std::move(own.key)};
    auto context = ServerContext::make(
        credential, {.mode = ClientCertificate::optional, .library = library_, .resumption = Resumption::stateful});
    site_ = std::make_shared<const Site>(
        Site{.name = "site",
             .context = *context,
             .judge = [this](const trust::PresentedChain& presented) { return judge(presented); },
             .rejudge =
                 [this](const trust::AdmittedChain& chain) { return trust::reconsider(chain, *registry_, pki_.now()); },
             .sessions = memory_});
    net::spawn(loop_, accept(), "accept", log_.log());
    thread_ = std::thread([this] { loop_.run(); });
  }

  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      Entrance entrance{site_->context, [this](const std::string&) { return site_; }};
      net::spawn(loop_, serve(std::move(*socket), std::move(entrance)), "serve", log_.log());
    }
  }

  base::Result<trust::AdmittedChain, trust::Refusal> judge(const trust::PresentedChain& presented) const {
    auto chain =
        trust::verify_chain(presented, {.purposes = {trust::Purpose::transport}}, pki_.trust_set(), pki_.now());
    if (!chain) return base::unexpected(std::move(chain).error());
    return trust::admit(std::move(*chain), *registry_);
  }

  TlsCaller::Answer call(const TlsCaller& caller, KeptSession offered = nullptr) const {
    return caller.call({.port = listener_.local().port, .offered = std::move(offered)});
  }

  Pki pki_;
  testing::KeptLog log_;
  net::Loop loop_;
  net::Listener listener_ = net::Listener::bind(loop_, {.at = {"127.0.0.1", 0}}).value();
  std::unique_ptr<trust::RegistryView> registry_;
  std::shared_ptr<const Library> library_;
  std::shared_ptr<SessionMemory> memory_;
  std::shared_ptr<const Site> site_;
  std::thread thread_;
};

TEST_F(Kept, OfOneCertificateTheOldestGivesWayToItsOwn) {
  const Issued greedy = pki_.client("acme", "greedy").issue();
  const Issued modest = pki_.client("acme", "modest").issue();
  start({.sessions = 100, .of_one_certificate = 2});
  const TlsCaller one({.version = Version::tls12, .identity = &greedy});
  const TlsCaller other({.version = Version::tls12, .identity = &modest});
  const auto others = call(other).session;
  std::vector<KeptSession> sessions;
  for (int i = 0; i < 4; ++i)
    sessions.push_back(call(one).session);
  EXPECT_FALSE(call(one, sessions[1]).resumed);
  EXPECT_TRUE(call(one, sessions[3]).resumed);
  EXPECT_TRUE(call(other, others).resumed) << "another's share is untouched";
}

TEST_F(Kept, OfAllTheOldestGivesWay) {
  const Issued a = pki_.client("acme", "a").issue(), b = pki_.client("acme", "b").issue();
  start({.sessions = 2});
  const TlsCaller of_a({.version = Version::tls12, .identity = &a}), of_b({.version = Version::tls12, .identity = &b});
  const auto first = call(of_a).session, second = call(of_b).session, third = call(of_a).session;
  EXPECT_TRUE(call(of_a, third).resumed);
  EXPECT_TRUE(call(of_b, second).resumed);
  EXPECT_FALSE(call(of_a, first).resumed);
}

TEST_F(Kept, NobodysSessionsFillHalfAtMost) {
  const Issued a = pki_.client("acme", "a").issue();
  start({.sessions = 4});
  const TlsCaller nobody({.version = Version::tls12}), known({.version = Version::tls12, .identity = &a});
  const auto kept = call(known).session;
  std::vector<KeptSession> sessions;
  for (int i = 0; i < 6; ++i)
    sessions.push_back(call(nobody).session);
  EXPECT_TRUE(call(known, kept).resumed);
  EXPECT_TRUE(call(nobody, sessions[5]).resumed);
  EXPECT_FALSE(call(nobody, sessions[3]).resumed);
}

/// A session id passes in the clear; who has it and not the secret gets nowhere, and its owner still does.
TEST_F(Kept, AnIdWithoutItsSecretEndsNoSession) {
  const Issued partner = pki_.client("acme", "payments").issue();
  start({});
  for (const Version version : {Version::tls12, Version::tls13}) {
    const TlsCaller owner({.version = version, .identity = &partner}), thief({.version = version});
    const auto session = call(owner).session;
    const KeptSession stolen(SSL_SESSION_dup(session.get()), SSL_SESSION_free);
    const std::array<unsigned char, 48> guess{};
    const std::size_t size = SSL_SESSION_get_master_key(session.get(), nullptr, 0);
    ASSERT_EQ(SSL_SESSION_set1_master_key(stolen.get(), guess.data(), size), 1);
    EXPECT_EQ(call(thief, stolen).status, 0);
    EXPECT_TRUE(call(owner, session).resumed);
  }
}

TEST_F(Kept, WithoutTheExtendedMasterSecretNoneIsKept) {
  const Issued partner = pki_.client("acme", "payments").issue();
  start({});
  const TlsCaller with({.version = Version::tls12, .identity = &partner});
  const TlsCaller without({.version = Version::tls12, .identity = &partner, .extended_master_secret = false});
  EXPECT_TRUE(call(with, call(with).session).resumed);
  const auto answer = call(without, call(without).session);
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.resumed);
}

TEST_F(Kept, ABadGoodbyeDoesNotEndASession) {
  const Issued partner = pki_.client("acme", "payments").issue();
  start({});
  for (const Version version : {Version::tls12, Version::tls13}) {
    const TlsCaller caller({.version = version, .identity = &partner});
    auto session = call(caller).session;
    for (int i = 0; i < 3; ++i) {
      const auto again = caller.call({.port = listener_.local().port, .offered = session, .resets = true});
      EXPECT_TRUE(again.resumed);
    }
  }
}

}  // namespace
}  // namespace countersign::tls
