// Handshakes over real sockets: who gets a VerifiedPeer, who gets which alert, and that there is no third way.
#include "tls/handshake.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "testing/pki.h"
#include "testing/soon.h"
#include "trust/chain_memory.h"

namespace countersign::tls {
namespace {

using testing::Issued;
using testing::Pki;
using testing::soon;
using trust::Purpose;

class NoSink final : public base::LogSink {
  void write(std::string_view) override {}
};

Credential credential_of(Issued issued) { return {std::move(issued.chain), std::move(issued.key)}; }

/// What each side saw of one handshake, and of one byte sent by the client after it.
struct Seen {
  std::string server;  ///< "accepted URN", or the reason, or the error's code
  std::string client;  ///< "answered", or the code of the failure
  std::string alert;   ///< as the client read it
  std::string version;
  Protocol protocol = Protocol::http_1_1;
  bool end_noticed = false;  ///< the client saw that the server ended an answered connection, before it read on
};

/// A server and a client of ours on one loop.
struct Scene {
  Pki pki;
  std::unique_ptr<trust::RegistryView> registry = nullptr;
  std::optional<Issued> client = {};  ///< none: the client has no certificate
  std::optional<Issued> server = {};  ///< none: the genuine gateway
  ClientCertificate mode = ClientCertificate::required;
  std::string called = "localhost";
  bool only_tls12 = false;
  bool serves_http2 = false;
  std::string offered = "";  ///< by ALPN, each name behind its length
  std::function<void(SSL_CTX*)> set_client = [](SSL_CTX*) {};
  /// As a worker of the gateway: with a library of its own, and a memory of chains.
  std::shared_ptr<const Library> library = Library::of_process();
  std::shared_ptr<trust::ChainMemory> memory = nullptr;
  std::shared_ptr<const trust::TrustSet> trust = nullptr;

  void become_worker();
  JudgeClient judge() const;
  Seen run();
};

JudgeClient judge_clients(const Pki& pki, const trust::RegistryView& registry) {
  return
      [&pki, &registry](const trust::PresentedChain& presented) -> base::Result<trust::AdmittedChain, trust::Refusal> {
        const trust::Policy policy{.purposes = {Purpose::transport}, .environment = base::Environment::production};
        auto chain = trust::verify_chain(presented, policy, pki.trust_set(), pki.now());
        if (!chain) return base::unexpected(std::move(chain).error());
        return trust::admit(std::move(*chain), registry);
      };
}

JudgeServer judge_servers(const Pki& pki, std::string host) {
  return [&pki, host = std::move(host)](const trust::PresentedChain& presented) {
    const trust::Policy policy{.purposes = {Purpose::server}, .server_name = host};
    return trust::verify_chain(presented, policy, pki.trust_set(), pki.now());
  };
}

void Scene::become_worker() {
  library = Library::make().value();
  memory = std::make_shared<trust::ChainMemory>(
      trust::Policy{.purposes = {Purpose::transport}, .environment = base::Environment::production});
  trust = std::make_shared<const trust::TrustSet>(pki.trust_set());
}

JudgeClient Scene::judge() const {
  if (memory == nullptr) return judge_clients(pki, *registry);
  return [this](const trust::Presented& presented) { return memory->judge(presented, trust, *registry, pki.now()); };
}

net::Task<void> serve(net::Listener& listener, std::shared_ptr<const ServerContext> context, JudgeClient judge,
                      Seen& seen) {
  auto socket = co_await listener.accept();
  if (!socket) co_return;
  auto connection =
      co_await Handshake::accept_optional(std::move(*socket), std::move(context), std::move(judge), soon());
  if (!connection) {
    const HandshakeFailure& failure = connection.error();
    seen.server = failure.refusal ? std::string(trust::name(failure.refusal->reason)) : failure.error.code;
    co_return;
  }
  seen.server = connection->peer ? "accepted " + connection->peer->identity().to_urn() : "accepted nobody";
  seen.version = connection->version;
  seen.protocol = connection->protocol;
  std::array<std::uint8_t, 16> buffer;
  const auto count = co_await connection->stream->read_some(buffer, soon());
  if (count && *count > 0) (void)co_await connection->stream->write_all(std::span(buffer).first(*count), soon());
  (void)co_await connection->stream->read_some(buffer, soon());  // the client has read all that came
  co_await connection->stream->finish(soon());
}

net::Task<bool> notices_the_end(net::Stream& stream) {
  for (const net::Deadline deadline = soon(); !deadline.passed();) {
    if (stream.has_unexpected_input()) co_return true;
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
  }
  co_return false;
}

net::Task<void> call(net::Loop& loop, net::Endpoint to, std::shared_ptr<const ClientContext> context, std::string host,
                     JudgeServer judge, Seen& seen) {
  const auto note = [&seen](const base::Error& error) {
    seen.client = error.code;
    if (error.code == "tls.alert_received") seen.alert = error.detail;
  };
  auto socket = co_await net::Socket::connect(loop, std::move(to), soon());
  auto connection =
      co_await Handshake::connect(std::move(*socket), std::move(context), std::move(host), std::move(judge), soon());
  if (!connection) {
    note(connection.error().error);
    co_return;
  }
  constexpr std::string_view kHello = "hello";
  (void)co_await connection->stream->write_all(base::as_bytes(kHello), soon());
  std::array<std::uint8_t, 16> buffer;
  const auto count = co_await connection->stream->read_some(buffer, soon());
  if (!count) note(count.error());
  else seen.client = *count == 5 ? "answered" : "closed";
  if (!count || *count != 5) co_return;
  (void)co_await connection->stream->write_all(base::as_bytes(kHello), soon());
  seen.end_noticed = co_await notices_the_end(*connection->stream);
}

Seen Scene::run() {
  NoSink sink;
  const base::Log log({.program = "test"}, pki.clock(), sink);
  if (!registry) registry = pki.registry();
  std::optional<Credential> own;
  if (client) own.emplace(credential_of(std::move(*client)));
  Issued genuine = server ? std::move(*server) : pki.internal_server().issue();
  const Credential server_credential = credential_of(std::move(genuine));

  net::Loop loop;
  net::Listener::Options options;
  options.at = {"127.0.0.1", 0};
  auto listener = net::Listener::bind(loop, options);
  const ServerContext::Options offered_by_us{
      .mode = mode,
      .client_ca_names = {pki.issuing_ca(base::Environment::production, Purpose::transport).certificate},
      .library = library,
      .http2 = serves_http2};
  auto server_context = ServerContext::make(server_credential, offered_by_us);
  auto client_context = ClientContext::make(own ? &*own : nullptr);
  if (!offered.empty())
    SSL_CTX_set_alpn_protos((*client_context)->native(), reinterpret_cast<const unsigned char*>(offered.data()),
                            static_cast<unsigned>(offered.size()));
  if (only_tls12) SSL_CTX_set_max_proto_version((*client_context)->native(), TLS1_2_VERSION);
  set_client((*client_context)->native());
  Seen seen;
  net::spawn(loop, serve(*listener, *server_context, judge(), seen), "server", log);
  net::spawn(loop, call(loop, listener->local(), *client_context, called, judge_servers(pki, called), seen), "client",
             log);
  loop.run();
  return seen;
}

struct Row {
  std::string name;
  std::function<void(Scene&)> change;
  std::string server;
  std::string alert;  ///< a part of what the client read; empty: it was answered
};

class MutualTls : public ::testing::TestWithParam<Row> {};

TEST_P(MutualTls, BothSidesSeeTheExpected) {
  Scene scene;
  scene.client = scene.pki.client().issue();
  GetParam().change(scene);
  const Seen seen = scene.run();
  EXPECT_EQ(seen.server, GetParam().server);
  if (GetParam().alert.empty()) EXPECT_EQ(seen.client, "answered");
  else EXPECT_NE(seen.alert.find(GetParam().alert), std::string::npos) << seen.client << " " << seen.alert;
}

constexpr const char* kAcme = "accepted urn:countersign:production:acme:payments";
void revoke(Scene& scene) {
  trust::CertificateFact fact = scene.client->fact();
  fact.revoked_for = "key_compromise";
  scene.registry = scene.pki.registry();
  scene.registry->apply(fact);
}

void suspend(Scene& scene) {
  scene.registry = scene.pki.registry();
  scene.registry->apply(
      trust::SuspensionFact{base::Environment::production, *base::Slug::parse("acme"), std::nullopt, true});
}

/// A thief's key: it says the certificate's public half, and signs with another private half.
crypto::PrivateKey thiefs_key(const Issued& victim) {
  const auto own = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256);
  const auto pem = own->to_pem();
  std::string body(pem->reveal_text());
  const std::size_t start = body.find('\n') + 1;
  body = body.substr(start, body.find("-----END") - start);
  std::erase(body, '\n');
  base::Bytes der = *base::from_base64(body);
  const base::Bytes spki = victim.certificate.public_key().to_spki();
  constexpr std::ptrdiff_t kPoint = 65;  // both encodings end in the uncompressed point
  std::copy(spki.end() - kPoint, spki.end(), der.end() - kPoint);
  const std::string forged = "-----BEGIN PRIVATE KEY-----\n" + base::to_base64(der) + "\n-----END PRIVATE KEY-----\n";
  return std::move(*crypto::PrivateKey::from_pem(forged, base::Secret()));
}

/// Presents so many certificates: the good chain, and its issuer again and again.
void present(Scene& scene, std::size_t certificates) {
  while (scene.client->chain.size() < certificates)
    scene.client->chain.push_back(scene.client->chain.back());
}

void steal_certificate(Scene& scene) { scene.client->key = thiefs_key(*scene.client); }

const auto kMutualTlsRows = ::testing::Values(
    Row{"good", [](Scene&) {}, kAcme, ""},
    Row{"no_certificate", [](Scene& s) { s.client.reset(); }, "no_certificate", "certificate_required"},
    Row{"self_signed", [](Scene& s) { s.client = s.pki.client().self_signed().issue(); }, "self_signed", "unknown_ca"},
    Row{"other_ca", [](Scene& s) { s.client = s.pki.client().other_ca().issue(); }, "unknown_issuer", "unknown_ca"},
    Row{"expired", [](Scene& s) { s.client = s.pki.client().expired().issue(); }, "expired", "certificate_expired"},
    Row{"not_yet_valid", [](Scene& s) { s.client = s.pki.client().not_yet_valid().issue(); }, "not_yet_valid",
        "bad_certificate"},
    Row{"tampered", [](Scene& s) { s.client = s.pki.client().tampered().issue(); }, "bad_signature", "decrypt_error"},
    Row{"signing_certificate", [](Scene& s) { s.client = s.pki.client().purpose(Purpose::signing).issue(); },
        "wrong_purpose", "unsupported_certificate"},
    Row{"uat_certificate", [](Scene& s) { s.client = s.pki.client().environment(base::Environment::uat).issue(); },
        "wrong_environment", "certificate_unknown"},
    Row{"not_in_registry", [](Scene& s) { s.client = s.pki.client().without_registry().issue(); }, "not_in_registry",
        "certificate_unknown"},
    Row{"certificate_without_its_key", steal_certificate, "proof_failed", "decrypt_error"},
    Row{"rsa", [](Scene& s) { s.client = s.pki.client().key_kind(crypto::PrivateKey::Kind::rsa2048).issue(); }, kAcme,
        ""},
    Row{"p384", [](Scene& s) { s.client = s.pki.client().key_kind(crypto::PrivateKey::Kind::p384).issue(); }, kAcme,
        ""},
    Row{"ed25519", [](Scene& s) { s.client = s.pki.client().key_kind(crypto::PrivateKey::Kind::ed25519).issue(); },
        kAcme, ""},
    Row{"four_certificates", [](Scene& s) { present(s, 4); }, kAcme, ""},
    Row{"five_certificates", [](Scene& s) { present(s, 5); }, "chain_too_long", "bad_certificate"},
    Row{"more_than_64_kib", [](Scene& s) { present(s, 300); }, "chain_too_long", "illegal_parameter"},
    Row{"revoked", revoke, "revoked", "certificate_revoked"},
    Row{"suspended", suspend, "suspended", "certificate_unknown"});

const auto kRowName = [](const auto& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(Rows, MutualTls, kMutualTlsRows, kRowName);

/// The same verdicts and alerts with a library of our own and a memory, whether the chain was seen before or not.
class MutualTlsOfAWorker : public MutualTls {};

TEST_P(MutualTlsOfAWorker, BothSidesSeeTheExpected) {
  Scene scene;
  scene.become_worker();
  scene.client = scene.pki.client().issue();
  GetParam().change(scene);
  const Seen seen = scene.run();
  EXPECT_EQ(seen.server, GetParam().server);
  if (GetParam().alert.empty()) EXPECT_EQ(seen.client, "answered");
  else EXPECT_NE(seen.alert.find(GetParam().alert), std::string::npos) << seen.client << " " << seen.alert;
}

INSTANTIATE_TEST_SUITE_P(Rows, MutualTlsOfAWorker, kMutualTlsRows, kRowName);

using Kind = crypto::PrivateKey::Kind;
using Change = std::function<void(Scene&)>;
Change with_server(Kind kind) {
  return [kind](Scene& s) { s.server = s.pki.internal_server().key_kind(kind).issue(); };
}
Change with_client(Kind kind) {
  return [kind](Scene& s) { s.client = s.pki.client().key_kind(kind).issue(); };
}
Change with_suite(const char* tls13, const char* tls12) {
  return [tls13, tls12](Scene& s) {
    s.set_client = [tls13, tls12](SSL_CTX* context) {
      ASSERT_TRUE(SSL_CTX_set_ciphersuites(context, tls13) == 1 && SSL_CTX_set_cipher_list(context, tls12) == 1);
    };
  };
}
Change with_group(const char* group) {
  return [group](Scene& s) {
    s.set_client = [group](SSL_CTX* context) { ASSERT_EQ(SSL_CTX_set1_groups_list(context, group), 1); };
  };
}

/// All that is spoken here is spoken with the few algorithms of a worker's library, too. (P-256 is always offered: in
/// TLS 1.2 a server's certificate of that curve wants it.)
class SpokenByAWorker : public MutualTls {};

TEST_P(SpokenByAWorker, InBothVersions) {
  for (const bool tls12 : {false, true}) {
    Scene scene;
    scene.become_worker();
    scene.client = scene.pki.client().issue();
    scene.only_tls12 = tls12;
    GetParam().change(scene);
    const Seen seen = scene.run();
    EXPECT_EQ(seen.server + ", " + seen.client + ", " + seen.version,
              kAcme + std::string(", answered, ") + (tls12 ? "TLSv1.2" : "TLSv1.3"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SpokenByAWorker,
    ::testing::Values(Row{"aes128", with_suite("TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"), "", ""},
                      Row{"aes256", with_suite("TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"), "", ""},
                      Row{"chacha20", with_suite("TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"), "",
                          ""},
                      Row{"x25519", with_group("X25519:P-256"), "", ""}, Row{"p256", with_group("P-256"), "", ""},
                      Row{"p384", with_group("P-384:P-256"), "", ""},
                      Row{"another_group_first", with_group("X448:P-384:P-256"), "", ""},
                      Row{"server_of_rsa", with_server(Kind::rsa2048), "", ""},
                      Row{"server_of_p384", with_server(Kind::p384), "", ""},
                      Row{"server_of_ed25519", with_server(Kind::ed25519), "", ""},
                      Row{"client_of_rsa", with_client(Kind::rsa2048), "", ""},
                      Row{"client_of_p384", with_client(Kind::p384), "", ""},
                      Row{"client_of_ed25519", with_client(Kind::ed25519), "", ""}),
    kRowName);

/// The partner has been here; what happened since to its certificate, or its key, is seen all the same.
class SecondHandshake : public ::testing::TestWithParam<Row> {};

TEST_P(SecondHandshake, IsJudgedByWhatHoldsNow) {
  for (const bool tls12 : {false, true}) {
    Scene scene;
    scene.become_worker();
    scene.only_tls12 = tls12;
    const Issued partner = scene.pki.client().issue();
    const auto copy = [&] {
      auto pem = partner.key.to_pem();
      return Issued{partner.certificate, crypto::PrivateKey::from_pem(pem->reveal_text(), base::Secret()).value(),
                    partner.chain, partner.identity, partner.purpose};
    };
    scene.client = copy();
    EXPECT_EQ(scene.run().server, kAcme);
    scene.client = copy();
    scene.registry.reset();
    GetParam().change(scene);
    const Seen seen = scene.run();
    EXPECT_EQ(seen.server, GetParam().server);
    EXPECT_NE(seen.alert.find(GetParam().alert), std::string::npos) << seen.client << " " << seen.alert;
    EXPECT_EQ(scene.memory->counts().hits, 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, SecondHandshake,
                         ::testing::Values(Row{"good", [](Scene&) {}, kAcme, ""},
                                           Row{"certificate_without_its_key", steal_certificate, "proof_failed",
                                               "decrypt_error"},
                                           Row{"revoked", revoke, "revoked", "certificate_revoked"},
                                           Row{"suspended", suspend, "suspended", "certificate_unknown"}),
                         kRowName);

TEST(MutualTls13, IsWhatTwoOfUsSpeak) {
  Scene scene;
  scene.client = scene.pki.client().issue();
  EXPECT_EQ(scene.run().version, "TLSv1.3");
}

TEST(MutualTls13, AnIdleConnectionThatEndedIsNotTakenForASilentOne) {
  Scene scene;
  scene.client = scene.pki.client().issue();
  EXPECT_TRUE(scene.run().end_noticed);
}

class MutualTls12 : public MutualTls {};

TEST_P(MutualTls12, BothSidesSeeTheExpected) {
  Scene scene;
  scene.only_tls12 = true;
  scene.client = scene.pki.client().issue();
  GetParam().change(scene);
  const Seen seen = scene.run();
  EXPECT_EQ(seen.server, GetParam().server);
  EXPECT_NE(seen.alert.find(GetParam().alert), std::string::npos) << seen.client << " " << seen.alert;
  EXPECT_EQ(seen.version, GetParam().alert.empty() ? "TLSv1.2" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MutualTls12,
    ::testing::Values(Row{"good", [](Scene&) {}, kAcme, ""},
                      Row{"no_certificate", [](Scene& s) { s.client.reset(); }, "no_certificate", "handshake_failure"},
                      Row{"revoked", revoke, "revoked", "certificate_revoked"},
                      Row{"certificate_without_its_key", steal_certificate, "proof_failed", "decrypt_error"}),
    [](const auto& row) { return row.param.name; });

TEST(OptionalCertificate, NobodyIsLetInAsNobody) {
  Scene scene;
  scene.mode = ClientCertificate::optional;
  EXPECT_EQ(scene.run().server, "accepted nobody");
}

TEST(OptionalCertificate, ABadOneIsRefusedAllTheSame) {
  Scene scene;
  scene.mode = ClientCertificate::optional;
  scene.client = scene.pki.client().expired().issue();
  EXPECT_EQ(scene.run().server, "expired");
}

struct ServerRow {
  std::string name;
  std::function<Issued(Pki&)> server;
  std::string client;  ///< outcome at the client
};

class ServerVerdict : public ::testing::TestWithParam<ServerRow> {};

TEST_P(ServerVerdict, TheClientJudgesToo) {
  Scene scene;
  scene.client = scene.pki.client().issue();
  scene.server = GetParam().server(scene.pki);
  EXPECT_EQ(scene.run().client, GetParam().client);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ServerVerdict,
    ::testing::Values(
        ServerRow{"genuine", [](Pki& p) { return p.internal_server().issue(); }, "answered"},
        ServerRow{"man_in_the_middle", [](Pki& p) { return p.internal_server().other_ca().issue(); }, "tls.refused"},
        ServerRow{"another_name", [](Pki& p) { return p.internal_server("gateway", "elsewhere.example").issue(); },
                  "tls.refused"},
        ServerRow{"expired", [](Pki& p) { return p.internal_server().expired().issue(); }, "tls.refused"},
        ServerRow{"client_certificate_as_server", [](Pki& p) { return p.client().with_dns({"localhost"}).issue(); },
                  "tls.refused"}),
    [](const auto& row) { return row.param.name; });

struct ProtocolRow {
  std::string name;
  bool serves_http2;
  std::string offered;
  std::optional<Protocol> chosen;  ///< nothing: refused
};

class Alpn : public ::testing::TestWithParam<ProtocolRow> {};

TEST_P(Alpn, ChoosesOrRefuses) {
  for (const bool only_tls12 : {false, true}) {
    Scene scene;
    scene.client = scene.pki.client().issue();
    scene.serves_http2 = GetParam().serves_http2;
    scene.offered = GetParam().offered;
    scene.only_tls12 = only_tls12;
    const Seen seen = scene.run();
    if (!GetParam().chosen) {
      EXPECT_EQ(seen.server, "tls.protocol");
      EXPECT_NE(seen.alert.find("no_application_protocol"), std::string::npos) << seen.client << " " << seen.alert;
      continue;
    }
    EXPECT_EQ(seen.server, kAcme);
    EXPECT_EQ(seen.protocol, *GetParam().chosen);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Alpn,
    ::testing::Values(ProtocolRow{"both", true, "\x02h2\x08http/1.1", Protocol::http_2},
                      ProtocolRow{"our_order_counts", true, "\x08http/1.1\x02h2", Protocol::http_2},
                      ProtocolRow{"the_old_one", true, "\x08http/1.1", Protocol::http_1_1},
                      ProtocolRow{"nothing", true, "", Protocol::http_1_1},
                      ProtocolRow{"another", true, "\x06spdy/3", std::nullopt},
                      ProtocolRow{"in_the_clear_only", true, "\x03h2c", std::nullopt},
                      ProtocolRow{"a_listener_that_does_not_ask", false, "\x02h2", Protocol::http_1_1}),
    [](const auto& row) { return row.param.name; });

TEST(Alerts, EveryReasonHasOne) {
  for (const trust::Explanation& e : trust::explanations())
    EXPECT_FALSE(name(to_alert(e.reason)).empty()) << e.name;
}

TEST(Credential, KeyOfAnotherCertificateIsRefused) {
  Pki pki;
  const testing::Issued one = pki.client().issue();
  const testing::Issued other = pki.client().issue();
  auto other_pem = other.key.to_pem();
  auto copy = crypto::PrivateKey::from_pem(other_pem->reveal_text(), base::Secret());
  const Credential mismatched{one.chain, std::move(*copy)};
  EXPECT_FALSE(ClientContext::make(&mismatched));
  auto right_pem = one.key.to_pem();
  const Credential matched{one.chain,
                           std::move(*crypto::PrivateKey::from_pem(right_pem->reveal_text(), base::Secret()))};
  EXPECT_TRUE(ClientContext::make(&matched));
}

}  // namespace
}  // namespace countersign::tls
