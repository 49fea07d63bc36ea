// Which names a certificate must carry, and by which of them its server is called.
#include "cli/provision.h"

#include <gtest/gtest.h>

#include "testing/pki.h"

namespace countersign::cli {
namespace {

TEST(ServerNames, AWildcardIsComparedAsItStands) {
  testing::Pki pki;
  const auto certificate = pki.internal_server("gateway", "localhost")
                               .with_dns({"localhost", "*.example.com", "a.example.net"})
                               .with_addresses({"127.0.0.1"})
                               .issue()
                               .certificate;
  const struct {
    const char* name;
    bool missing;
  } rows[] = {{"localhost", false},     {"LocalHost", false},     {"127.0.0.1", false},    {"127.0.0.2", true},
              {"*.example.com", false}, {"*.Example.com", false}, {"*.example.net", true}, {"b.example.net", true}};
  for (const auto& row : rows)
    EXPECT_EQ(first_unnamed(certificate, {"localhost", row.name}).has_value(), row.missing) << row.name;
}

TEST(ServerNames, NobodyIsCalledByAWildcard) {
  EXPECT_EQ(name_to_call({"localhost", "*.example.com"}), "localhost");
  EXPECT_EQ(name_to_call({"*.example.com", "localhost"}), "localhost");
  EXPECT_EQ(name_to_call({"*.example.com"}), "authority.example.com");
}

}  // namespace
}  // namespace countersign::cli
