// What a gateway tells of certificates it refused: those of ours, with the reason, and nobody else's.
#include <algorithm>

#include "gateway/doors_test.h"

namespace countersign::gateway {
namespace {

using testing::Issued;
using trust::Reason;

/// Each is recorded, and then noted in the same turn of the worker's loop.
net::Task<void> wait_for_records(const testing::KeptLog& log, std::ptrdiff_t refused) {
  const auto is_one = [](const std::string& line) { return line.find("tls.refused") != std::string::npos; };
  for (const net::Deadline deadline = net::Deadline::after(std::chrono::seconds(20)); !deadline.passed();) {
    const auto lines = log.lines();
    if (std::ranges::count_if(lines, is_one) >= refused) co_return;
    co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
  }
}

class ToldRefusals : public DoorsTest {
 protected:
  void SetUp() override {
    good_.emplace(pki_.client("acme", "payments").issue());
    revoked_.emplace(pki_.client("acme", "cards").issue());
    expired_.emplace(pki_.client("acme", "old").expired().issue());
    forgotten_.emplace(pki_.client("acme", "older").expired().without_registry().issue());
    early_.emplace(pki_.client("acme", "early").not_yet_valid().without_registry().issue());
    uat_.emplace(pki_.client("acme", "payments").environment(base::Environment::uat).issue());
    signing_certificate_.emplace(pki_.client("acme", "payments").purpose(trust::Purpose::signing).issue());
    stranger_.emplace(pki_.client("acme", "payments").other_ca().without_registry().issue());
    old_stranger_.emplace(pki_.client("acme", "payments").other_ca().expired().without_registry().issue());
    self_made_.emplace(pki_.client("acme", "payments").self_signed().without_registry().issue());
    forged_.emplace(pki_.client("acme", "payments").forged().expired().without_registry().issue());
    start({{.name = "main", .listen = {"127.0.0.1", 0}}},
          {{.host = "localhost", .path = "/", .upstream = upstream_.at()}});
    trust::CertificateFact fact = revoked_->fact();
    fact.revoked_for = "key_compromise";
    ASSERT_TRUE(knowledge_.apply({knowledge_.sequence() + 1, fact}));
  }

  /// The status, or the alert with a minus.
  int call(const Issued* identity, Caller::Version version = Caller::Version::tls13) {
    const auto answer =
        Caller({.version = version, .identity = identity}).call({.port = port("main"), .server_name = "localhost"});
    return answer.status != 0 ? answer.status : -answer.alert;
  }
  /// What is to be told, once the worker's thread is done with so many refusals.
  std::vector<feed::RefusalCount> told(std::ptrdiff_t refused) {
    net::Loop loop;
    net::spawn(loop, wait_for_records(log_, refused), "wait", log_.log());
    loop.run();
    worker_.reset();
    return refusals_.take();
  }

  std::optional<Issued> good_, revoked_, expired_, forgotten_, early_, uat_, signing_certificate_, stranger_,
      old_stranger_, self_made_, forged_;
};

TEST_F(ToldRefusals, AreOfTheirCertificateAndReason) {
  const std::pair<const Issued*, Reason> rows[] = {
      {&*revoked_, Reason::revoked},       {&*expired_, Reason::expired},
      {&*forgotten_, Reason::expired},     {&*early_, Reason::not_yet_valid},
      {&*uat_, Reason::wrong_environment}, {&*signing_certificate_, Reason::wrong_purpose}};
  for (const auto& [identity, reason] : rows) {
    EXPECT_LT(call(identity), 0) << trust::name(reason);
    EXPECT_LT(call(identity, Caller::Version::tls12), 0) << trust::name(reason);
  }
  const auto all = told(std::ssize(rows) * 2);
  ASSERT_EQ(all.size(), std::size(rows));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].fingerprint, base::to_hex(rows[i].first->certificate.fingerprint())) << i;
    EXPECT_EQ(trust::name(all[i].reason), trust::name(rows[i].second)) << i;
    EXPECT_EQ(all[i].count, 2) << i;
    EXPECT_EQ(all[i].last, pki_.now()) << i;
  }
}

TEST_F(ToldRefusals, AreNoneOfStrangersAndOfThoseLetIn) {
  for (const Issued* identity : {&*stranger_, &*old_stranger_, &*self_made_, &*forged_})
    EXPECT_LT(call(identity), 0) << identity->certificate.subject().text;
  EXPECT_LT(call(nullptr), 0);
  EXPECT_EQ(call(&*good_), 200);
  for (const feed::RefusalCount& one : told(5))
    ADD_FAILURE() << one.fingerprint << " " << trust::name(one.reason);
}

}  // namespace
}  // namespace countersign::gateway
