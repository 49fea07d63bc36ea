// A follower and an authority that it comes to believe no more, by what the feed itself says.
#include "feed/follower.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "http/server.h"
#include "testing/admit_service.h"
#include "testing/folder.h"
#include "testing/pki.h"
#include "testing/run.h"
#include "testing/soon.h"

namespace countersign::feed {
namespace {

using testing::Issued;
using testing::Pki;
using testing::soon;

/// Tells a snapshot, and one change to whoever asks first.
class TellingAuthority {
 public:
  TellingAuthority(net::Loop& loop, const base::Log& log, Pki& pki, Issued& own)
      : loop_(loop), log_(log), pki_(pki), listener_(*net::Listener::bind(loop, {.at = {"127.0.0.1", 0}})) {
    const tls::Credential credential{own.chain, std::move(own.key)};
    context_ = tls::ServerContext::make(credential, {.mode = tls::ClientCertificate::optional}).value();
    net::spawn(loop, accept(), "authority", log);
  }
  net::Endpoint at() const { return listener_.local(); }

  Snapshot snapshot = {};
  std::optional<Fact> change = {};
  int accepted = 0;
  int connections = 0;  ///< of these, whose handshake is done
  int ended = 0;
  int polls = 0;

 private:
  net::Task<void> accept() {
    for (;;) {
      auto socket = co_await listener_.accept();
      if (!socket) co_return;
      ++accepted;
      net::spawn(loop_, serve(std::move(*socket)), "authority.connection", log_);
    }
  }
  net::Task<void> serve(net::Socket socket) {
    tls::JudgeClient judge = [this](const trust::Presented& presented) {
      return testing::admit_service(pki_, presented);
    };
    auto context = context_;
    auto connection =
        co_await tls::Handshake::accept_optional(std::move(socket), std::move(context), std::move(judge), soon());
    if (!connection) co_return;
    ++connections;
    const http::Handler handler = [this](http::Request request) { return answer(std::move(request)); };
    const http::ServerOptions options;
    co_await http::serve(*connection->stream, handler, options);
    ++ended;
  }
  net::Task<http::Response> answer(http::Request request) {
    http::Response response;
    response.status = 200;
    if (request.head.target == "/v1/feed/snapshot") {
      response.body = to_json_text(snapshot);
      co_return response;
    }
    std::vector<Change> changes;
    if (++polls == 1) changes.push_back({snapshot.sequence + 1, *change});
    else co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(20)));
    response.body = to_json_text(snapshot.sequence + 1, changes);
    co_return response;
  }

  net::Loop& loop_;
  const base::Log& log_;
  Pki& pki_;
  net::Listener listener_;
  std::shared_ptr<const tls::ServerContext> context_;
};

class FollowerOfOneAuthority : public ::testing::Test {
 protected:
  void SetUp() override {
    const Issued own = pki_.service().issue();
    ASSERT_TRUE(replace(files_, *own.key.to_pem(), x509::to_pem(own.chain)));
    authority_.snapshot = {
        3, {RootFact{pki_.partner_root().certificate}, RootFact{pki_.provider_root().certificate}}, "run-1"};
    for (const trust::IssuingCa& ca : pki_.issuing_cas())
      authority_.snapshot.facts.emplace_back(ca);
    for (const trust::CertificateFact& fact : pki_.facts())
      authority_.snapshot.facts.emplace_back(fact);
    authority_.change = certificate_.fact();
  }
  void follow() {
    net::spawn(loop_, follower_.run([] {}), "follow", log_.log());
  }
  bool until(const std::function<bool()>& is_so) {
    for (const net::Deadline deadline = soon(); !is_so() && !deadline.passed();)
      testing::run(loop_, net::sleep_until(net::Deadline::after(std::chrono::milliseconds(5))));
    return is_so();
  }
  bool has_line(const std::string& event, const std::string& text) const {
    return std::ranges::any_of(log_.lines(), [&](const std::string& line) {
      return line.find("\"event\":\"" + event + "\"") != std::string::npos && line.find(text) != std::string::npos;
    });
  }

  testing::KeptLog log_;
  Pki pki_;
  const testing::Folder folder_;
  const CredentialFiles files_ = CredentialFiles::in(folder_.path(), "service");
  Knowledge knowledge_;
  net::Loop loop_;
  Issued certificate_ = pki_.internal_server("authority").with_addresses({"127.0.0.1"}).issue();
  TellingAuthority authority_{loop_, log_.log(), pki_, certificate_};
  Follower follower_{loop_,
                     {.link = {.authority = authority_.at(),
                               .provider_trust = std::make_shared<const trust::TrustSet>(pki_.provider_trust()),
                               .registry = &knowledge_.registry(),
                               .knowledge = &knowledge_},
                      .credential = files_,
                      .copy = folder_ / "trust-feed.json",
                      .roots = {pki_.partner_root().certificate, pki_.provider_root().certificate}},
                     knowledge_,
                     pki_.clock(),
                     log_.log()};
};

TEST_F(FollowerOfOneAuthority, GoesOnOverOneLinkWhileNothingSpeaksAgainstIt) {
  follow();
  EXPECT_TRUE(until([&] { return authority_.polls >= 3; }));
  EXPECT_EQ(authority_.accepted, 1);
  EXPECT_FALSE(has_line("feed.lost", ""));
}

TEST_F(FollowerOfOneAuthority, LeavesItsLinkOnceTheFeedSaysThatItsCertificateIsRevoked) {
  trust::CertificateFact fact = certificate_.fact();
  fact.revoked_for = "key_compromise";
  authority_.change = fact;
  follow();
  EXPECT_TRUE(until([&] { return authority_.accepted >= 2 || authority_.polls >= 2; }));
  EXPECT_TRUE(until([&] { return authority_.ended == 1; }));
  EXPECT_TRUE(has_line("feed.lost", "refused: revoked"));
  EXPECT_EQ(knowledge_.sequence(), 4U) << "what it said before holds";
  EXPECT_TRUE(until([&] { return authority_.accepted >= 3; })) << "it is asked again, and refused again";
  EXPECT_EQ(authority_.polls, 1);
  EXPECT_EQ(authority_.connections, 1);
}

}  // namespace
}  // namespace countersign::feed
