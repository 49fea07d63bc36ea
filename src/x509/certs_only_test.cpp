// A bag of certificates: what goes in comes out in order, and nothing else is taken for one.
#include "x509/certs_only.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"
#include "testing/pki.h"

namespace countersign::x509 {
namespace {

base::Bytes bag_of(const std::vector<Certificate>& certificates) { return to_certs_only(certificates).value(); }

TEST(CertsOnly, GivesBackWhatWentInInOrder) {
  testing::Pki pki;
  const testing::Issued issued = pki.client().issue();
  const std::vector<Certificate> chain{issued.certificate, issued.chain.back(), pki.partner_root().certificate};
  const auto parsed = parse_certs_only(bag_of(chain));
  ASSERT_TRUE(parsed) << base::to_string(parsed.error());
  EXPECT_EQ(*parsed, chain);
}

TEST(CertsOnly, HasNoSignerAndNoContent) {
  testing::Pki pki;
  const base::Bytes der = bag_of({pki.partner_root().certificate});
  // RFC 5652 section 5.1: signedData, version 1, no digest algorithms, encapContentInfo of data and nothing else.
  const base::Bytes head = base::from_hex("06092a864886f70d010702").value();
  EXPECT_NE(base::to_hex(der).find(base::to_hex(head)), std::string::npos);
  EXPECT_NE(base::to_hex(der).find("020101"
                                   "3100"
                                   "300b06092a864886f70d010701"),
            std::string::npos);
  EXPECT_TRUE(base::to_hex(der).ends_with("3100")) << "no signer infos";
}

TEST(CertsOnly, RefusesWhatIsNone) {
  testing::Pki pki;
  const base::Bytes good = bag_of({pki.partner_root().certificate});
  const auto changed = [&](auto change) {
    base::Bytes bytes = good;
    change(bytes);
    return bytes;
  };
  struct Row {
    const char* name;
    base::Bytes der;
    const char* code;
  };
  const Row rows[] = {
      {"the good twin", good, "ok"},
      {"nothing", {}, "certs_only.malformed"},
      {"a certificate", pki.partner_root().certificate.der(), "certs_only.malformed"},
      {"cut off", changed([](base::Bytes& b) { b.pop_back(); }), "certs_only.malformed"},
      {"a byte behind", changed([](base::Bytes& b) { b.push_back(0); }), "certs_only.malformed"},
      {"not signedData", changed([](base::Bytes& b) { b[14] = 0x03; }), "certs_only.malformed"},
      {"too large", base::Bytes(kCertsOnlyLimit + 1, 0x30), "certs_only.too_large"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(testing::code_of(parse_certs_only(row.der)), row.code) << row.name;
  EXPECT_EQ(testing::code_of(to_certs_only({})), "certs_only.build");
}

}  // namespace
}  // namespace countersign::x509
