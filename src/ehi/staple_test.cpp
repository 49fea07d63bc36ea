#include "ehi/staple.h"

#include <gtest/gtest.h>

#include "testing/pki.h"
#include "testing/staple.h"

namespace countersign::ehi {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::Issued;
using testing::Pki;
using Kind = x509::OcspStatus::Kind;

enum class Signer { issuer, stranger };
struct Row {
  std::string name;
  StapleRule rule;
  std::optional<Kind> kind;  ///< nothing: no staple
  std::string outcome;       ///< "good", or the code and reason
  base::Duration this_update = -hours(1);
  base::Duration next_update = hours(1);
  Signer signer = Signer::issuer;
};

class StapleOfAServer : public ::testing::TestWithParam<Row> {
 protected:
  static std::string judge(const Row& row) {
    Pki pki;
    const Issued server = pki.server().issue();
    const trust::Policy policy{.purposes = {trust::Purpose::server}, .server_name = "localhost"};
    const auto chain = trust::verify_chain(server.chain, policy, pki.web_trust(), pki.now());
    Endpoint endpoint{*base::Slug::parse("acme"), base::Environment::production,
                      *http::Url::parse("https://localhost/"), std::chrono::seconds(1),
                      std::make_shared<const trust::TrustSet>(pki.web_trust())};
    endpoint.staple = row.rule;
    const crypto::PrivateKey stranger = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    base::Bytes staple;
    if (row.kind)
      staple = testing::make_staple({.subject = server.certificate,
                                     .issuer = pki.web_intermediate().certificate,
                                     .signer = row.signer == Signer::issuer ? pki.web_intermediate().key : stranger,
                                     .kind = *row.kind,
                                     .this_update = pki.now() + row.this_update,
                                     .next_update = pki.now() + row.next_update});
    const auto until = check_staple(endpoint, *chain, staple, pki.now());
    if (!until)
      return until.error().error.code +
             (until.error().refusal ? " " + std::string(trust::name(until.error().refusal->reason)) : "");
    const bool by_staple = *until == pki.now() + row.next_update + kStapleSkew;
    return by_staple ? "good for as long as it says" : *until == chain->valid_until() ? "good" : "good for some time";
  }
};

TEST_P(StapleOfAServer, IsJudged) { EXPECT_EQ(judge(GetParam()), GetParam().outcome); }

INSTANTIATE_TEST_SUITE_P(
    Rows, StapleOfAServer,
    ::testing::Values(Row{"checked_and_good", StapleRule::check, Kind::good, "good"},
                      Row{"checked_and_revoked", StapleRule::check, Kind::revoked, "ehi.refused revoked"},
                      Row{"checked_and_none", StapleRule::check, {}, "good"},
                      Row{"checked_and_unknown", StapleRule::check, Kind::unknown, "good"},
                      Row{.name = "checked_and_revoked_by_a_stranger",
                          .rule = StapleRule::check,
                          .kind = Kind::revoked,
                          .outcome = "good",
                          .signer = Signer::stranger},
                      Row{.name = "checked_and_revoked_long_ago",
                          .rule = StapleRule::check,
                          .kind = Kind::revoked,
                          .outcome = "ehi.refused revoked",
                          .this_update = -hours(100),
                          .next_update = -hours(50)},
                      Row{"off_and_revoked", StapleRule::off, Kind::revoked, "good"},
                      Row{"required_and_good", StapleRule::require, Kind::good, "good for as long as it says"},
                      Row{"required_and_revoked", StapleRule::require, Kind::revoked, "ehi.refused revoked"},
                      Row{"required_and_none", StapleRule::require, {}, "ehi.no_staple"},
                      Row{"required_and_unknown", StapleRule::require, Kind::unknown, "ehi.no_staple"},
                      Row{.name = "required_and_of_a_stranger",
                          .rule = StapleRule::require,
                          .kind = Kind::good,
                          .outcome = "ehi.no_staple",
                          .signer = Signer::stranger},
                      Row{.name = "required_and_just_ended",
                          .rule = StapleRule::require,
                          .kind = Kind::good,
                          .outcome = "good for as long as it says",
                          .next_update = -minutes(4)},
                      Row{.name = "required_and_ended",
                          .rule = StapleRule::require,
                          .kind = Kind::good,
                          .outcome = "ehi.no_staple",
                          .next_update = -minutes(6)},
                      Row{.name = "required_and_from_a_clock_ahead",
                          .rule = StapleRule::require,
                          .kind = Kind::good,
                          .outcome = "good for as long as it says",
                          .this_update = minutes(4)},
                      Row{.name = "required_and_from_the_future",
                          .rule = StapleRule::require,
                          .kind = Kind::good,
                          .outcome = "ehi.no_staple",
                          .this_update = minutes(6)}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace countersign::ehi
