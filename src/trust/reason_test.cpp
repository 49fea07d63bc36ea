// The table of reasons: each is there once, and each party is told what it can do itself.
#include "trust/reason.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace countersign::trust {
namespace {

/// What only somebody with a certificate of our authority for clients can use.
constexpr std::string_view kClientWords[] = {"enrolment code",      "`countersign request", "`countersign renew",
                                             "your client",         "your application",     "Transport Certificate",
                                             "Signing Certificate", "--cert and --key",     "-chain.pem"};
/// What only somebody can use whose server has a certificate of another CA.
constexpr std::string_view kServerWords[] = {"public CA ", "`anchors`", "--anchors", "ssl_certificate and",
                                             "reload the server"};

/// The first of `words` that stands in `text`; empty: none.
template <std::size_t N>
std::string_view first_of(const std::string_view (&words)[N], std::string_view text) {
  const auto found =
      std::ranges::find_if(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
  return found == std::end(words) ? std::string_view() : *found;
}

TEST(Explanations, CoverEveryReasonOnce) {
  for (const Explanation& e : explanations()) {
    EXPECT_EQ(&explanation(e.reason), &e);
    EXPECT_FALSE(e.meaning.empty()) << e.name;
  }
  EXPECT_EQ(explanations().back().reason, Reason::proof_failed);
}

TEST(Remedies, TellEachPartyWhatItCanDoItself) {
  for (const Explanation& e : explanations()) {
    std::set<std::string_view> different;
    for (const Party party : kParties) {
      const std::string_view remedy = e.remedy(party);
      EXPECT_TRUE(remedy.size() > 20 && remedy.ends_with('.')) << e.name << " for a " << name(party) << ": " << remedy;
      EXPECT_EQ(remedy.find("  "), std::string_view::npos) << e.name << ": " << remedy;
      different.insert(remedy);
    }
    EXPECT_EQ(different.size(), kParties.size()) << e.name;
    EXPECT_EQ(first_of(kClientWords, e.remedy(Party::server)), "") << e.name << ": " << e.remedy(Party::server);
    EXPECT_EQ(first_of(kClientWords, e.remedy(Party::platform)), "") << e.name << ": " << e.remedy(Party::platform);
    EXPECT_EQ(first_of(kServerWords, e.remedy(Party::client)), "") << e.name << ": " << e.remedy(Party::client);
    EXPECT_EQ(first_of(kServerWords, e.remedy(Party::platform)), "") << e.name << ": " << e.remedy(Party::platform);
  }
}

TEST(Remedies, NameTheStepThatMends) {
  const struct {
    Reason reason;
    Party party;
    const char* step;
  } rows[] = {{Reason::expired, Party::client, "`countersign request` with a new enrolment code"},
              {Reason::expired, Party::server, "at the CA that issued it"},
              {Reason::expired, Party::platform, "renew their certificates by themselves"},
              {Reason::unknown_issuer, Party::client, "this provider's authority"},
              {Reason::unknown_issuer, Party::server, "`anchors` of the endpoint or the upstream"},
              {Reason::unknown_issuer, Party::platform, "--trust-chain"},
              {Reason::self_signed, Party::client, "`countersign request transport`"},
              {Reason::self_signed, Party::server, "of a public CA"},
              {Reason::missing_intermediate, Party::client, "-chain.pem"},
              {Reason::missing_intermediate, Party::server, "In nginx, ssl_certificate"},
              {Reason::wrong_name, Party::server, "subjectAltNames"},
              {Reason::wrong_name, Party::platform, "`server_names`"},
              {Reason::proof_failed, Party::server, "ssl_certificate_key"}};
  for (const auto& row : rows)
    EXPECT_NE(explanation(row.reason).remedy(row.party).find(row.step), std::string_view::npos)
        << explanation(row.reason).remedy(row.party);
}

TEST(Parties, AreThoseOfTheirPurposes) {
  for (const Purpose purpose :
       {Purpose::transport, Purpose::signing, Purpose::ehi, Purpose::service, Purpose::person, Purpose::ocsp})
    EXPECT_EQ(party_of(purpose), Party::client) << name(purpose);
  EXPECT_EQ(party_of(Purpose::server), Party::server);
}

}  // namespace
}  // namespace countersign::trust
