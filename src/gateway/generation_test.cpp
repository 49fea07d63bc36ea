// One generation of the configuration after another: what goes on, what is made anew, what must not cross.
#include <algorithm>

#include "gateway/doors.h"
#include "gateway/doors_test.h"

namespace countersign::gateway {
namespace {

using testing::Issued;
using tls::ClientCertificate;

class Generations : public DoorsTest {
 protected:
  void SetUp() override {
    acme_.emplace(pki_.client("acme", "payments").issue());
    uat_.emplace(pki_.client("acme", "payments").environment(base::Environment::uat).issue());
    config_.upstreams = {{.name = "same", .addresses = {upstream_.at()}},
                         {.name = "other", .addresses = {upstream_.at()}}};
    const auto stateful = tls::Resumption::stateful;
    start({{.name = "first", .listen = {"127.0.0.1", 0}, .resumption = stateful, .sites = {{.names = {"a.example"}}}},
           {.name = "second", .listen = {"127.0.0.1", 0}}},
          {{.host = "*", .path = "/", .upstream = upstream_.at()}});
  }

  SiteConfig& site() { return config_.listeners.front().sites.front(); }
  void take_over() {
    const GenerationPointer next = make_generation();
    ASSERT_NE(next, nullptr);
    worker_->take_over(prepare(*worker_, next, {}));
    generation_ = next;
  }
  Caller::Answer call(const Issued* who, testing::KeptSession offered = nullptr) const {
    return Caller({.identity = who}).call({.port = at_, .server_name = "a.example", .offered = std::move(offered)});
  }

  std::optional<Issued> acme_, uat_;
  std::uint16_t at_ = 0;
};

TEST_F(Generations, WhatDidNotChangeGoesOnWithWhatItCountedAndRemembered) {
  const GenerationPointer before = generation_;
  config_.upstreams[1].retries = 0;
  const GenerationPointer next = make_generation();
  EXPECT_EQ(next->number(), before->number() + 1);
  EXPECT_EQ(next->upstreams()->named("same"), before->upstreams()->named("same"));
  EXPECT_NE(next->upstreams()->named("other"), before->upstreams()->named("other"));
  EXPECT_EQ(next->routes().routes().front().counts, before->routes().routes().front().counts);
  const ListenerPlan& plan = next->plans().listeners().front();
  EXPECT_EQ(plan.counts, before->plans().listeners().front().counts);
  EXPECT_EQ(plan.sites.front().view, before->plans().listeners().front().sites.front().view);
}

TEST_F(Generations, AddressesThatNoRouteNamesAnyMoreAreForgotten) {
  std::weak_ptr<UpstreamState> first = generation_->upstreams()->at(config_.routes.front().upstream);
  ASSERT_FALSE(first.expired());
  std::size_t known = generation_->upstreams()->all().size();
  for (std::uint16_t other = 1; other <= 5; ++other) {
    config_.routes.front().upstream.port = other;
    take_over();
    EXPECT_EQ(generation_->upstreams()->all().size(), known);
    EXPECT_NE(generation_->upstreams()->at(config_.routes.front().upstream), nullptr);
  }
  worker_->drain(net::Deadline::after(std::chrono::seconds(5)), [] {});
  worker_->join();
  EXPECT_TRUE(first.expired()) << "its health and counts, too";
}

TEST_F(Generations, OtherRootsAreAnotherView) {
  const GenerationPointer before = generation_;
  write_roots("roots.pem", {pki_.partner_root().certificate});
  const GenerationPointer next = make_generation();
  EXPECT_NE(next->plans().listeners().front().sites.front().view,
            before->plans().listeners().front().sites.front().view);
}

TEST_F(Generations, ASessionCrossesOnlyToAGenerationThatJudgesTheSame) {
  at_ = port("first");
  const auto full = call(&*acme_);
  ASSERT_EQ(full.status, 200);
  ASSERT_NE(full.session, nullptr);
  config_.access_log = false;  // nothing that is judged
  take_over();
  const auto again = call(&*acme_, full.session);
  EXPECT_EQ(again.status, 200);
  EXPECT_TRUE(again.resumed);
  site().client_certificate = ClientCertificate::optional;
  take_over();
  const auto crossed = call(&*acme_, again.session != nullptr ? again.session : full.session);
  EXPECT_EQ(crossed.status, 200);
  EXPECT_FALSE(crossed.resumed);
}

TEST_F(Generations, WhoIsLetInIsDecidedByTheNewest) {
  at_ = port("first");
  EXPECT_EQ(call(&*acme_).status, 200);
  EXPECT_EQ(call(&*uat_).alert, 46);
  site().environment = base::Environment::uat;
  take_over();
  EXPECT_EQ(call(&*acme_).alert, 46);
  EXPECT_EQ(call(&*uat_).status, 200);
  config_.routes.front().path = "/elsewhere";
  take_over();
  EXPECT_EQ(call(&*uat_).status, 404);
}

TEST_F(Generations, AListenerThatIsGoneTakesNobodyAndTheOthersGoOn) {
  at_ = port("second");
  EXPECT_EQ(call(&*acme_).status, 200);
  const std::uint16_t first = port("first");
  config_.listeners.pop_back();
  take_over();
  EXPECT_EQ(Caller({.identity = &*acme_}).call({.port = first, .server_name = "a.example"}).status, 200);
}

TEST_F(Generations, WhatIsBrokenMakesNone) {
  config_.partner_chain = folder_ / "nowhere.pem";
  config_.trust_chain = folder_ / "nowhere.pem";
  EXPECT_FALSE(Generation::make(config_, {knowledge_, metrics_, pki_.clock(), log_.log()}, generation_));
}

TEST(KeepWhatNeedsARestart, NamesItAndKeepsIt) {
  GatewayConfig running;
  GatewayConfig read = running;
  EXPECT_TRUE(keep_what_needs_a_restart(read, running).empty());
  read.workers = 7;
  read.status = {"127.0.0.1", 9};
  read.access_log = false;
  EXPECT_EQ(keep_what_needs_a_restart(read, running), (std::vector<std::string>{"workers", "status"}));
  EXPECT_EQ(read.workers, running.workers);
  EXPECT_EQ(read.status, running.status);
  EXPECT_FALSE(read.access_log);
}

TEST(Doors, EachSocketHasAWorkerAndEachWorkerASocket) {
  for (const std::size_t sockets : {1U, 2U, 3U, 5U})
    for (const std::size_t workers : {1U, 2U, 3U, 5U}) {
      Door door{"door", {}};
      for (std::size_t i = 0; i < sockets; ++i)
        door.sockets.push_back(net::ListenSocket::open({.at = {"127.0.0.1", 0}}).value());
      std::vector<std::uint16_t> watched;
      for (std::size_t worker = 0; worker < workers; ++worker) {
        const auto share = Doors::share(door, worker, workers);
        ASSERT_TRUE(share);
        EXPECT_FALSE(share->empty());
        for (const net::ListenSocket& one : *share)
          watched.push_back(one.local().port);
      }
      for (const net::ListenSocket& one : door.sockets)
        EXPECT_NE(std::ranges::find(watched, one.local().port), watched.end());
    }
}

TEST(Doors, OpensWhatIsMissingAndClosesWhatNobodyNames) {
  GatewayConfig config;
  config.listeners = {{.name = "a", .listen = {"127.0.0.1", 0}}, {.name = "b", .listen = {"127.0.0.1", 0}}};
  config.status = {"127.0.0.1", 0};
  config.workers = 2;
  Doors doors;
  ASSERT_TRUE(doors.open_status(config));
  doors.keep(doors.open_missing(config).value(), config);
  ASSERT_NE(doors.find("name a"), nullptr);
  EXPECT_EQ(doors.find("name a")->sockets.size(), 2U);
  EXPECT_EQ(doors.find("name a")->sockets[0].local(), doors.find("name a")->sockets[1].local());
  EXPECT_TRUE(doors.open_missing(config)->empty());
  config.listeners.pop_back();
  doors.keep({}, config);
  EXPECT_EQ(doors.find("name b"), nullptr);
  EXPECT_NE(doors.find(kStatusDoor), nullptr);
}

}  // namespace
}  // namespace countersign::gateway
