#include "x509/path.h"

#include <functional>
#include <map>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "testing/code_of.h"
#include "testing/pki.h"

namespace countersign::x509 {
namespace {

using base::Environment;
using testing::Ca;
using testing::code_of;
using testing::Issued;
using testing::Pki;
using trust::Purpose;
using namespace std::chrono_literals;

std::string name(PathProblem problem) {
  switch (problem) {
    case PathProblem::not_yet_valid: return "not_yet_valid";
    case PathProblem::expired: return "expired";
    case PathProblem::issuer_not_found: return "issuer_not_found";
    case PathProblem::self_signed: return "self_signed";
    case PathProblem::bad_signature: return "bad_signature";
    case PathProblem::not_a_ca: return "not_a_ca";
    case PathProblem::name_constraint: return "name_constraint";
    case PathProblem::too_long: return "too_long";
    case PathProblem::weak_key: return "weak_key";
    case PathProblem::weak_signature: return "weak_signature";
    case PathProblem::malformed: return "malformed";
  }
  return "?";
}

/// "ok", or "problem@depth".
std::string judge(const std::vector<Certificate>& chain, const AnchorSet& anchors, base::Instant at) {
  const std::vector<Certificate> presented(chain.begin() + 1, chain.end());
  const PathQuery query{chain.front(), presented, at};
  const auto path = build_path(query, anchors);
  EXPECT_EQ(ERR_peek_error(), 0U);
  return path ? "ok" : name(path.error().problem) + "@" + std::to_string(path.error().depth);
}

AnchorSet partner_anchors(const Pki& pki) {
  std::vector<Certificate> issuing;
  for (const auto& ca : pki.issuing_cas())
    if (ca.certificate.issuer().der == pki.partner_root().certificate.subject().der) issuing.push_back(ca.certificate);
  return AnchorSet::make({pki.partner_root().certificate}, std::move(issuing)).value();
}

AnchorSet web_anchors(const Pki& pki) { return AnchorSet::make({pki.web_root().certificate}, {}).value(); }

Certificate raw(base::Bytes der) {
  const std::uint8_t* at = der.data();
  const crypto::Handle<X509, X509_free> native(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return Certificate::from_native(native.get());
}

TEST(Path, LeafRows) {
  Pki pki;
  const AnchorSet anchors = partner_anchors(pki);
  const struct {
    const char* name;
    std::vector<Certificate> chain;
    const char* outcome;
  } rows[] = {
      {"good", pki.client().issue().chain, "ok"},
      {"good, leaf only: the issuing CA is known", pki.client().without_issuers().issue().chain, "ok"},
      {"good, Ed25519", pki.client().key_kind(crypto::PrivateKey::Kind::ed25519).issue().chain, "ok"},
      {"good, RSA 2048", pki.client().key_kind(crypto::PrivateKey::Kind::rsa2048).issue().chain, "ok"},
      {"good, any EKU: not judged here", pki.client().with_eku({"1.2.3.4"}).issue().chain, "ok"},
      {"expired", pki.client().expired().issue().chain, "expired@0"},
      {"not yet valid", pki.client().not_yet_valid().issue().chain, "not_yet_valid@0"},
      {"self-signed", pki.client().self_signed().issue().chain, "self_signed@0"},
      {"look-alike CA", pki.client().other_ca().issue().chain, "issuer_not_found@1"},
      {"look-alike CA, leaf only", pki.client().other_ca().without_issuers().issue().chain, "issuer_not_found@0"},
      {"look-alike CA with its root",
       [&] {
         auto chain = pki.client().other_ca().issue().chain;
         chain.push_back(pki.look_alike_partner_root().certificate);
         return chain;
       }(),
       "issuer_not_found@2"},
      {"public CA", pki.server().issue().chain, "issuer_not_found@1"},
      {"forged in the name of our CA", pki.client().forged().issue().chain, "bad_signature@0"},
      {"forged, leaf only", pki.client().forged().without_issuers().issue().chain, "bad_signature@0"},
      {"signature changed", pki.client().tampered().issue().chain, "bad_signature@0"},
      {"content changed", pki.client().tampered_content().issue().chain, "bad_signature@0"},
      {"content changed, and expired", pki.client().expired().tampered().issue().chain, "bad_signature@0"},
      {"RSA 1024", pki.client().weak_key().issue().chain, "weak_key@0"},
      {"SHA-1", pki.client().weak_signature().issue().chain, "weak_signature@0"},
      {"unknown critical extension", pki.client().with_unknown_critical_extension().issue().chain, "malformed@0"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(judge(row.chain, anchors, pki.now()), row.outcome);
  }
}

TEST(Path, TimeIsTheArgumentOnly) {
  Pki pki;
  const AnchorSet anchors = partner_anchors(pki);
  const auto chain = pki.client().valid(pki.now(), pki.now() + 1h).issue().chain;
  EXPECT_EQ(judge(chain, anchors, pki.now() - 1s), "not_yet_valid@0");
  EXPECT_EQ(judge(chain, anchors, pki.now()), "ok");
  EXPECT_EQ(judge(chain, anchors, pki.now() + 1h), "ok");
  EXPECT_EQ(judge(chain, anchors, pki.now() + 1h + 999ms), "ok");
  EXPECT_EQ(judge(chain, anchors, pki.now() + 1h + 1s), "expired@0");
  EXPECT_EQ(judge(chain, anchors, pki.now() + 24h * 365 * 10), "expired@1");
}

/// No byte of a leaf can be changed so that it passes, and what still parses is mostly called by its name.
TEST(Path, EveryChangedByteIsRefused) {
  Pki pki;
  const AnchorSet anchors = partner_anchors(pki);
  const auto chain = pki.client().issue().chain;
  std::map<std::string, int> outcomes;
  for (std::size_t at = 0; at < chain[0].der().size(); ++at) {
    base::Bytes der = chain[0].der();
    der[at] ^= 1U;
    const auto changed = Certificate::from_der(der);
    const std::string outcome = changed ? judge({*changed, chain[1]}, anchors, pki.now()) : "unreadable";
    ASSERT_NE(outcome, "ok") << "byte " << at;
    ++outcomes[outcome];
  }
  EXPECT_GT(outcomes["bad_signature@0"], 300);
  // Only a changed authorityKeyIdentifier looks like another CA of the same name.
  EXPECT_LE(outcomes["issuer_not_found@0"], 22);
  EXPECT_EQ(outcomes.size() - outcomes.count("unreadable") - outcomes.count("issuer_not_found@0"), 1U);
}

TEST(Path, PathIsLeafFirstAnchorLast) {
  Pki pki;
  const auto chain = pki.server().issue().chain;
  const auto path = build_path({chain[0], {chain[1]}, pki.now()}, web_anchors(pki));
  ASSERT_TRUE(path);
  EXPECT_EQ(*path, (std::vector<Certificate>{chain[0], chain[1], pki.web_root().certificate}));
}

TEST(Path, PresentedMayBeInAnyOrderWithStrangersAndTheRoot) {
  Pki pki;
  const auto chain = pki.server().issue().chain;
  const std::vector<Certificate> presented = {pki.web_root().certificate, pki.partner_root().certificate, chain[0],
                                              chain[1]};
  EXPECT_TRUE(build_path({chain[0], presented, pki.now()}, web_anchors(pki)));
  EXPECT_EQ(judge({chain[0]}, web_anchors(pki), pki.now()), "issuer_not_found@0");
}

struct Ladder {
  std::vector<Certificate> chain;  ///< leaf first, without the root
  AnchorSet anchors;
};

/// A root, `count` intermediates one below the other, and a leaf.
Ladder ladder(Pki& pki, int count, std::optional<int> path_length = std::nullopt) {
  const auto spec = [&](const std::string& cn) {
    return testing::CaSpec{.common_name = cn,
                           .organisation = "Test",
                           .not_before = pki.now() - 24h,
                           .not_after = pki.now() + 24h * 400,
                           .path_length = path_length};
  };
  Ca above = testing::make_root({.common_name = "Ladder",
                                 .organisation = "Test",
                                 .not_before = pki.now() - 24h,
                                 .not_after = pki.now() + 24h * 999});
  AnchorSet anchors = AnchorSet::make({above.certificate}, {}).value();
  std::vector<Certificate> chain;
  for (int i = 0; i < count; ++i) {
    Ca next = testing::make_issuing(spec("Step " + std::to_string(i)), above);
    chain.insert(chain.begin(), next.certificate);
    above = std::move(next);
  }
  const Issued leaf = pki.server().issue();
  chain.insert(chain.begin(),
               testing::issue({.serial = leaf.certificate.serial(),
                               .subject = {"leaf", "", ""},
                               .not_before = pki.now() - 1h,
                               .not_after = pki.now() + 24h,
                               .key = leaf.key.public_key(),
                               .key_usage = {KeyUsage::digital_signature},
                               .extended_key_usage = {},
                               .subject_alt_names = {.dns = {"localhost"}, .uris = {}, .ip_addresses = {}},
                               .ca = std::nullopt},
                              above));
  return {std::move(chain), std::move(anchors)};
}

TEST(Path, LengthRows) {
  Pki pki;
  const struct {
    const char* name;
    Ladder ladder;
    const char* outcome;
  } rows[] = {
      {"no intermediate", ladder(pki, 0), "ok"},
      {"four intermediates", ladder(pki, 4), "ok"},
      {"five intermediates", ladder(pki, 5), "too_long@5"},
      {"pathLen 0 with one intermediate", ladder(pki, 1, 0), "ok"},
      {"pathLen 0 with two", ladder(pki, 2, 0), "not_a_ca@2"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(judge(row.ladder.chain, row.ladder.anchors, pki.now()), row.outcome);
  }
}

/// The intermediate forged in one respect by the root itself, so that the signature is good.
struct IntermediateRow {
  const char* name;
  std::function<void(X509*)> change;
  const char* digest;
  const char* outcome;
};

TEST(Path, IntermediateRows) {
  Pki pki;
  const AnchorSet anchors = web_anchors(pki);
  const auto chain = pki.server("localhost").issue().chain;
  const auto replace = [](const char* extension, const char* value) {
    return [=](X509* copy) {
      testing::remove_extension(copy, extension);
      if (value != nullptr) testing::add_extension(copy, extension, value);
    };
  };
  const auto add = [](const char* extension, const char* value) {
    return [=](X509* copy) { testing::add_extension(copy, extension, value); };
  };
  const auto end = [&](base::Instant at) {
    return [=](X509* copy) { ASN1_TIME_set(X509_getm_notAfter(copy), at.unix_seconds()); };
  };
  const IntermediateRow rows[] = {
      {"unchanged", [](X509*) {}, "SHA256", "ok"},
      {"CA:FALSE", replace("basicConstraints", "critical,CA:FALSE"), "SHA256", "not_a_ca@1"},
      {"no basicConstraints", replace("basicConstraints", nullptr), "SHA256", "not_a_ca@1"},
      {"keyUsage without keyCertSign", replace("keyUsage", "critical,digitalSignature"), "SHA256", "not_a_ca@1"},
      {"no keyUsage", replace("keyUsage", nullptr), "SHA256", "not_a_ca@1"},
      {"basicConstraints not critical", replace("basicConstraints", "CA:TRUE,pathlen:0"), "SHA256", "malformed@1"},
      {"no authorityKeyIdentifier", replace("authorityKeyIdentifier", nullptr), "SHA256", "ok"},
      {"no subjectKeyIdentifier", replace("subjectKeyIdentifier", nullptr), "SHA256", "ok"},
      {"expired", end(pki.now() - 1s), "SHA256", "expired@1"},
      {"SHA-1", [](X509*) {}, "SHA1", "weak_signature@1"},
      {"unknown critical extension", testing::add_unknown_critical_extension, "SHA256", "malformed@1"},
      {"name constraint met", add("nameConstraints", "critical,permitted;DNS:localhost"), "SHA256", "ok"},
      {"name constraint broken", add("nameConstraints", "critical,permitted;DNS:example.com"), "SHA256",
       "name_constraint@0"},
      {"name excluded", add("nameConstraints", "critical,excluded;DNS:localhost"), "SHA256", "name_constraint@0"},
  };
  for (const IntermediateRow& row : rows) {
    SCOPED_TRACE(row.name);
    const Certificate intermediate = testing::forge(chain[1], pki.web_root().key, row.change, row.digest);
    EXPECT_EQ(judge({chain[0], intermediate}, anchors, pki.now()), row.outcome);
  }
}

TEST(Path, ForgedIntermediateIsABadSignature) {
  Pki pki;
  const auto chain = pki.server().issue().chain;
  const Certificate forged = testing::forge(chain[1], pki.partner_root().key, [](X509*) {});
  EXPECT_EQ(judge({chain[0], forged}, web_anchors(pki), pki.now()), "bad_signature@1");
}

TEST(Path, LeafThatIsNoCaIssuesNothing) {
  Pki pki;
  const Issued above = pki.server("localhost").issue();
  const Ca false_ca{above.certificate,
                    crypto::PrivateKey::from_pem(above.key.to_pem()->reveal_text(), base::Secret()).value()};
  const Issued below = pki.server("evil.example").issue();
  const Certificate evil =
      testing::issue({.serial = below.certificate.serial(),
                      .subject = {"evil", "", ""},
                      .not_before = pki.now() - 1h,
                      .not_after = pki.now() + 1h,
                      .key = below.key.public_key(),
                      .key_usage = {},
                      .extended_key_usage = {},
                      .subject_alt_names = {.dns = {"evil.example"}, .uris = {}, .ip_addresses = {}},
                      .ca = std::nullopt},
                     false_ca);
  EXPECT_EQ(judge({evil, above.chain[0], above.chain[1]}, web_anchors(pki), pki.now()), "not_a_ca@1");
  EXPECT_EQ(judge(above.chain, web_anchors(pki), pki.now()), "ok");
}

TEST(Path, BrokenExtensionIsMalformedUnlessTheSignatureIsBadToo) {
  Pki pki;
  const AnchorSet anchors = web_anchors(pki);
  const auto chain = pki.server().issue().chain;
  const Certificate broken = testing::forge(chain[0], pki.web_intermediate().key, [](X509* copy) {
    testing::remove_extension(copy, "subjectAltName");
    testing::add_extension(copy, "2.5.29.17", "DER:0500");
  });
  base::Bytes tampered = broken.der();
  tampered.back() ^= 1U;
  const AnchorSet knowing = AnchorSet::make({pki.web_root().certificate}, {chain[1]}).value();
  EXPECT_EQ(judge({broken, chain[1]}, knowing, pki.now()), "malformed@0");
  EXPECT_EQ(judge({raw(tampered), chain[1]}, knowing, pki.now()), "bad_signature@0");
}

TEST(Path, AnchorNeedNotBeARootNorOfGoodForm) {
  Pki pki;
  const auto chain = pki.server().issue().chain;
  const AnchorSet intermediate_only = AnchorSet::make({chain[1]}, {}).value();
  EXPECT_EQ(judge({chain[0]}, intermediate_only, pki.now()), "ok");
  const Certificate old_root = testing::forge(
      pki.web_root().certificate, pki.web_root().key,
      [](X509* copy) {
        testing::remove_extension(copy, "keyUsage");
        testing::remove_extension(copy, "authorityKeyIdentifier");
        testing::remove_extension(copy, "basicConstraints");
        testing::add_extension(copy, "basicConstraints", "CA:TRUE");
      },
      "SHA1");
  EXPECT_EQ(judge(chain, AnchorSet::make({old_root}, {}).value(), pki.now()), "ok");
}

TEST(Path, WeakIssuersAreRefused) {
  Pki pki;
  const crypto::PrivateKey weak = testing::make_weak_key();
  const auto chain = pki.server().issue().chain;
  const auto rekey = [&](X509* copy) {
    X509_set_pubkey(copy, weak.native());
    testing::remove_extension(copy, "subjectKeyIdentifier");
  };
  const Certificate weak_ca = testing::forge(chain[1], pki.web_root().key, rekey);
  const Certificate leaf =
      testing::forge(chain[0], weak, [](X509* copy) { testing::remove_extension(copy, "authorityKeyIdentifier"); });
  EXPECT_EQ(judge({leaf, weak_ca}, web_anchors(pki), pki.now()), "weak_key@1");
}

TEST(AnchorSet, MakeRows) {
  Pki pki;
  const Certificate root = pki.web_root().certificate;
  const Certificate leaf = pki.server().issue().certificate;
  const struct {
    const char* name;
    std::vector<Certificate> anchors;
    std::vector<Certificate> intermediates;
    const char* code;
  } rows[] = {{"a root", {root}, {}, "ok"},
              {"the same root twice", {root, root}, {}, "ok"},
              {"a root and an intermediate", {root}, {pki.web_intermediate().certificate}, "ok"},
              {"nothing", {}, {}, "anchors.empty"},
              {"intermediates only", {}, {pki.web_intermediate().certificate}, "anchors.empty"},
              {"a leaf as anchor", {leaf}, {}, "anchors.not_ca"},
              {"a leaf as intermediate", {root}, {leaf}, "anchors.not_ca"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(code_of(AnchorSet::make(row.anchors, row.intermediates)), row.code);
  }
}

}  // namespace
}  // namespace countersign::x509
