#include "gateway/identity_fields.h"

#include <gtest/gtest.h>

namespace countersign::gateway {
namespace {

struct Row {
  std::string name;
  bool reserved;
};
class ReservedFields : public ::testing::TestWithParam<Row> {};

TEST_P(ReservedFields, InEverySpelling) {
  EXPECT_EQ(is_reserved_field(GetParam().name), GetParam().reserved);
  EXPECT_EQ(never_travels(GetParam().name), GetParam().reserved);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ReservedFields,
    ::testing::Values(Row{"Client-Cert", true}, Row{"client_cert", true}, Row{"CLIENT-CERT-CHAIN", true},
                      Row{"Client_Cert-Chain", true}, Row{"X-Countersign-Application", true},
                      Row{"x_countersign_application", true}, Row{"X-COUNTERSIGN-anything-new", true},
                      Row{"Forwarded", true}, Row{"X-Forwarded-For", true}, Row{"x_forwarded_proto", true},
                      Row{"X-Real-IP", true}, Row{"X.Countersign.Organisation", true},
                      Row{"X!Countersign-Application", true}, Row{"Authorization", false}, Row{"X-Client-Cert", false},
                      Row{"X-Countersigned", false}, Row{"Client-Certificate", false}));

TEST(HopByHopFields, StayOnTheirHop) {
  for (const char* name :
       {"Connection", "keep-alive", "TE", "Transfer-Encoding", "transfer_encoding", "Upgrade", "Trailer"}) {
    EXPECT_TRUE(is_hop_by_hop_field(name)) << name;
    EXPECT_TRUE(never_travels(name)) << name;
  }
  for (const char* name : {"Content-Type", "Cookie", "Accept"}) {
    EXPECT_FALSE(is_hop_by_hop_field(name)) << name;
    EXPECT_FALSE(never_travels(name)) << name;
  }
}

TEST(FieldsDecidedHere, AreNotCopied) {
  for (const char* name : {"Host", "content_length", "Expect"})
    EXPECT_TRUE(is_decided_here(name) && never_travels(name)) << name;
  for (const char* name : {"Hosts", "Content-Type", "Expected"})
    EXPECT_FALSE(is_decided_here(name) || never_travels(name)) << name;
}

TEST(IdentityFields, AreTheSameAsLinesAndOneByOne) {
  http::Fields more;
  more.add("X-Countersign-Scope", "a: b");
  more.add("X-Countersign-Empty", "");
  const IdentityFields fields = IdentityFields(std::nullopt, "::1").with(more);
  std::string lines;
  std::string seen;
  fields.each([&](std::string_view name, std::string_view value) {
    lines += std::string(name) + ": " + std::string(value) + "\r\n";
    seen += std::string(name) + "=" + std::string(value) + ";";
  });
  EXPECT_EQ(lines, fields.lines());
  EXPECT_EQ(seen, "X-Forwarded-For=::1;X-Forwarded-Proto=https;X-Countersign-Scope=a: b;X-Countersign-Empty=;");
}

TEST(Trailers, CarryNothingThatAHeadWouldNot) {
  http::Fields trailers;
  for (const char* name : {"X-Countersign-Application", "x_countersign_application", "client.cert", "X-Forwarded-For",
                           "Connection", "te", "Transfer-Encoding", "Content-Length", "Host", "traceparent",
                           "Authorization", "Set-Cookie", "content_type", "Cache-Control"})
    trailers.add(name, "forged");
  trailers.add("grpc-status", "0");
  trailers.add("X-Checksum", "abc");
  std::string kept;
  for (const http::Field& field : end_to_end_trailers(trailers))
    kept += field.name + "=" + field.value + ";";
  EXPECT_EQ(kept, "grpc-status=0;X-Checksum=abc;");
}

}  // namespace
}  // namespace countersign::gateway
