// Law 2 under fire: 2,000 certificate requests, each crafted to get something into the certificate, through the
// enrolment path. What is issued says what the registry says, to the letter; nothing of a request but its key is ever
// in it.
#include <functional>

#include "authority/fixture_test.h"
#include "crypto/pem.h"

namespace countersign::authority {
namespace {

using base::Bytes;
using base::BytesView;

constexpr int kRequests = 2'000;
/// Stands in everything that a request asks for, so that it can be looked for in what was issued.
constexpr std::string_view kMark = "evil";

// --- A writer of DER that writes nonsense as readily as sense (X.690)
// ---------------------------------------------------

Bytes of_text(std::string_view text) { return base::to_bytes(base::as_bytes(text)); }

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes tlv(std::uint8_t tag, const Bytes& content) {
  Bytes head = {tag};
  if (content.size() < 0x80) {
    head.push_back(static_cast<std::uint8_t>(content.size()));
  } else {
    head.push_back(0x82);
    head.push_back(static_cast<std::uint8_t>(content.size() >> 8U));
    head.push_back(static_cast<std::uint8_t>(content.size() & 0xffU));
  }
  return join({head, content});
}

Bytes sequence(const Bytes& content) { return tlv(0x30, content); }
Bytes oid(std::string_view hex) { return tlv(0x06, base::from_hex(hex).value()); }
Bytes octets(const Bytes& content) { return tlv(0x04, content); }
const Bytes kTrue = {0x01, 0x01, 0xff};

/// BMPString and UniversalString: `text` with zeros between.
Bytes widened(std::string_view text, std::size_t width) {
  Bytes wide;
  for (const char c : text) {
    wide.insert(wide.end(), width - 1, 0);
    wide.push_back(static_cast<std::uint8_t>(c));
  }
  return wide;
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t bound) {
    std::array<std::uint8_t, 4> bytes{};
    EXPECT_TRUE(random_.fill(bytes));
    std::size_t value = 0;
    for (const std::uint8_t byte : bytes)
      value = (value << 8U) | byte;
    return value % bound;
  }
  bool one_in(std::size_t bound) { return below(bound) == 0; }

 private:
  testing::SeededRandom random_;
};

// --- What an attacker would like to have in a certificate
// ---------------------------------------------------------------

std::string some_value(Dice& dice) {
  const std::string values[] = {
      "evil.example.com",
      "*.evil.example.com",
      std::string("evil.example.com\0.good.example", 30),
      "127.0.0.1 evil",
      "evil@example.com",
      "urn:countersign:production:evil:payments",
      "urn:countersign:internal:operator:evil",
      "evil\r\nCN=admin",
      "evil/CN=payments,O=acme",
      "\xc3\x28 evil",
      "evil" + std::string(300, 'x'),
  };
  return values[dice.below(std::size(values))];
}

Bytes some_string(Dice& dice) {
  const std::string value = some_value(dice);
  switch (dice.below(7)) {
    case 0: return tlv(0x0c, of_text(value));      // UTF8String
    case 1: return tlv(0x13, of_text(value));      // PrintableString, whatever it holds
    case 2: return tlv(0x14, of_text(value));      // TeletexString
    case 3: return tlv(0x16, of_text(value));      // IA5String
    case 4: return tlv(0x1e, widened(value, 2));   // BMPString
    case 5: return tlv(0x1c, widened(value, 4));   // UniversalString
    default: return tlv(0x1e, of_text("evil\0"));  // BMPString of half a character
  }
}

Bytes some_attribute(Dice& dice) {
  // CN, O, OU, serialNumber, C, emailAddress, domainComponent, UID
  const std::string_view types[] = {"550403",
                                    "55040a",
                                    "55040b",
                                    "550405",
                                    "550406",
                                    "2a864886f70d010901",
                                    "0992268993f22c640119",
                                    "0992268993f22c640101"};
  return sequence(join({oid(types[dice.below(std::size(types))]), some_string(dice)}));
}

Bytes some_subject(Dice& dice) {
  Bytes name;
  for (std::size_t i = dice.below(5); i > 0; --i) {
    const Bytes first = some_attribute(dice);
    const Bytes set = dice.one_in(4) ? join({first, some_attribute(dice)}) : first;  // several values in one RDN
    name = join({name, tlv(0x31, set)});
  }
  return sequence(name);
}

/// Every kind of GeneralName (RFC 5280 section 4.2.1.6).
Bytes some_general_name(Dice& dice) {
  const Bytes text = of_text(some_value(dice));
  switch (dice.below(9)) {
    case 0: return tlv(0xa0, join({oid("2b060104018237140203"), tlv(0xa0, tlv(0x0c, text))}));  // otherName: UPN
    case 1: return tlv(0x81, text);                                                             // rfc822Name
    case 2: return tlv(0x82, text);                                                             // dNSName
    case 3: return tlv(0xa3, tlv(0x80, text));                                                  // x400Address
    case 4: return tlv(0xa4, some_subject(dice));                                               // directoryName
    case 5: return tlv(0xa5, tlv(0xa1, tlv(0x0c, text)));                                       // ediPartyName
    case 6: return tlv(0x86, text);                                                             // URI
    case 7: return tlv(0x87, dice.one_in(2) ? Bytes{127, 0, 0, 1} : Bytes{1, 2, 3});            // iPAddress, or none
    default: return tlv(0x88, Bytes{0x2a, 0x03, 0x04});                                         // registeredID
  }
}

Bytes some_san(Dice& dice) {
  Bytes names;
  for (std::size_t i = 1 + dice.below(4); i > 0; --i)
    names = join({names, some_general_name(dice)});
  return sequence(names);
}

Bytes some_extension(Dice& dice) {
  const Bytes critical = dice.one_in(2) ? kTrue : Bytes{};
  const auto extension = [&](std::string_view id, const Bytes& value) {
    return sequence(join({oid(id), critical, octets(value)}));
  };
  switch (dice.below(9)) {
    case 0: return extension("551d13", sequence(kTrue));                                   // CA:TRUE
    case 1: return extension("551d13", sequence(join({kTrue, Bytes{0x02, 0x01, 0x05}})));  // with a path length
    case 2: return extension("551d0f", Bytes{0x03, 0x02, 0x01, 0xfe});                     // every key usage
    case 3: return extension("551d25", sequence(join({oid("551d2500"), oid("2b06010505070301")})));  // any, serverAuth
    case 4: return extension("551d1e", sequence(tlv(0xa0, sequence(tlv(0x82, of_text("evil"))))));   // nameConstraints
    case 5: return extension("551d23", sequence(tlv(0x80, of_text("evil-aki"))));
    case 6: return extension("2b0601040182371402", tlv(0x1e, widened("evil", 2)));  // a template's name
    case 7: return extension("551d11", of_text("evil, and no DER"));
    default: return extension("551d11", some_san(dice));
  }
}

Bytes some_attributes(Dice& dice) {
  Bytes all;
  for (std::size_t i = dice.below(3); i > 0; --i) {  // extensionRequest, also twice (RFC 2985 section 5.4.2)
    Bytes extensions;
    for (std::size_t j = 1 + dice.below(4); j > 0; --j) {
      const Bytes extension = some_extension(dice);
      extensions = join({extensions, extension, dice.one_in(5) ? extension : Bytes{}});
    }
    all = join({all, sequence(join({oid("2a864886f70d01090e"), tlv(0x31, sequence(extensions))}))});
  }
  if (dice.one_in(3)) all = join({all, sequence(join({oid("2a864886f70d010907"), tlv(0x31, some_string(dice))}))});
  return tlv(0xa0, all);
}

enum class Proof { good, changed, by_another_key, of_other_content, empty };

struct Crafted {
  Bytes der;
  Proof proof;
};

Crafted craft(Dice& dice, const crypto::PrivateKey& key, const crypto::PrivateKey& another) {
  const Bytes version = {0x02, 0x01, static_cast<std::uint8_t>(dice.one_in(6) ? 1 + dice.below(4) : 0)};
  const Bytes info = sequence(join({version, some_subject(dice), key.public_key().to_spki(), some_attributes(dice)}));
  const Proof proof = dice.one_in(5) ? static_cast<Proof>(1 + dice.below(4)) : Proof::good;
  Bytes signature = (proof == Proof::by_another_key ? another : key)
                        .sign(proof == Proof::of_other_content ? of_text("something else") : info)
                        .value();
  if (proof == Proof::changed) signature.back() ^= 1U;
  if (proof == Proof::empty) signature.clear();
  const Bytes algorithm = sequence(oid("2a8648ce3d040302"));
  return {sequence(join({info, algorithm, tlv(0x03, join({Bytes{0}, signature}))})), proof};
}

class CraftedRequests : public AuthorityTest {
 protected:
  /// Everything that is said about it but serial, key and the moment.
  static std::string content_of(const x509::Certificate& certificate) {
    std::string text = certificate.subject().text + "|" + base::to_hex(base::as_bytes(certificate.subject().der)) +
                       "|" + certificate.issuer().text + (certificate.is_ca() ? "|CA" : "|leaf");
    const x509::SubjectAltNames& names = certificate.subject_alt_names();
    for (const auto* list : {&names.dns, &names.uris, &names.ip_addresses})
      for (const std::string& name : *list)
        text += "|" + name;
    text += names.has_others ? "|others" : "";
    for (const auto& extension : certificate.extensions())
      text += "|" + extension.oid + (extension.critical ? "!" : "");
    return text;
  }
  /// Whose certificate is asked for, what for, and what one says that was asked for in the ordinary way.
  struct Target {
    const char* urn;
    trust::Purpose purpose;
    crypto::PrivateKey key;
    std::string expected = {};
  };
  Target target(const char* urn, trust::Purpose purpose) {
    Target made{urn, purpose, make_key()};
    const auto plain = AuthorityTest::enrol(urn, made.key, purpose);
    EXPECT_TRUE(plain) << base::to_string(plain.error());
    made.expected = content_of(plain->certificate);
    EXPECT_NE(made.expected.find("|urn:countersign:" + std::string(urn) + "|"), std::string::npos) << made.expected;
    EXPECT_FALSE(holds_mark(plain->certificate.der()));
    return made;
  }
  /// With a code of its own, or only the part behind it, which every way of enrolling ends in.
  enum class Way { with_a_code, by_issuance };
  base::Result<Issued> enrol(const Target& target, BytesView csr, Way way) {
    if (way == Way::with_a_code) {
      const std::string code = make_code(target.urn);
      return issued(office().enrolment.redeem({code, target.purpose, base::as_text(csr)}));
    }
    BASE_TRY(auto parsed, x509::Csr::parse(base::as_text(csr)));
    const Order order{
        .identity = identity(target.urn), .purpose = target.purpose, .csr = std::move(parsed), .asked_by = admin()};
    return issued(office().issuance.issue(order));
  }
  static bool holds_mark(BytesView der) {
    const std::string_view text = base::as_text(der);
    const Bytes wide = widened(kMark, 2);
    return text.find(kMark) != std::string_view::npos || text.find(base::as_text(wide)) != std::string_view::npos;
  }
};

TEST_F(CraftedRequests, GetNoNameButTheRegistrys) {
  const auto another = make_key();
  std::vector<Target> targets;
  targets.push_back(target("production:acme:payments", trust::Purpose::transport));
  targets.push_back(target("production:acme:payments", trust::Purpose::signing));
  targets.push_back(target("internal:service:gateway", trust::Purpose::server));  // which carries names of hosts
  EXPECT_NE(targets.back().expected.find("|localhost|"), std::string::npos) << targets.back().expected;
  Dice dice(20261125);
  int certified = 0;
  int unproved = 0;
  int marked = 0;
  for (int i = 0; i < kRequests; ++i) {
    const Target& wanted = targets[static_cast<std::size_t>(i) % targets.size()];
    const Crafted request = craft(dice, wanted.key, another);
    marked += holds_mark(request.der) ? 1 : 0;
    const auto outcome = enrol(wanted, request.der, i % 10 == 0 ? Way::with_a_code : Way::by_issuance);
    if (!outcome) {
      const std::string& code = outcome.error().code;
      ASSERT_TRUE(code == "csr.bad_proof" || code == "csr.malformed") << i << ": " << base::to_string(outcome.error());
      unproved += code == "csr.bad_proof" ? 1 : 0;
      continue;
    }
    ASSERT_EQ(request.proof, Proof::good) << i << ": a wrong proof was taken";
    ++certified;
    ASSERT_EQ(content_of(outcome->certificate), wanted.expected) << i;
    ASSERT_EQ(outcome->certificate.public_key().to_spki(), wanted.key.public_key().to_spki()) << i;
    ASSERT_FALSE(holds_mark(outcome->certificate.der())) << i;
  }
  // The dice must not have made the test an empty one.
  EXPECT_GT(certified, kRequests / 2);
  EXPECT_GT(unproved, kRequests / 10);
  EXPECT_GT(marked, kRequests / 2);
}

}  // namespace
}  // namespace countersign::authority
