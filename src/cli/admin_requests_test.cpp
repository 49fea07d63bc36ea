// What an operator is shown before approving: all of the content, under the hash reckoned here.
#include "cli/admin_requests.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "testing/code_of.h"

namespace countersign::cli {
namespace {

using testing::code_of;

base::json::object request_with(const base::json::object& content, const std::string& hash) {
  return {{"request", "r1"},
          {"state", "pending"},
          {"urn", "urn:countersign:production:acme:payments"},
          {"content", content},
          {"content_sha256", hash},
          {"needed", 2},
          {"approvals", base::json::array{{{"by", "urn:countersign:internal:operator:bob"},
                                           {"at", "2026-06-15T12:00:00Z"},
                                           {"comment", "seen\x1b[2J"}}}},
          {"requested_by", "enrolment-code:3f0c"}};
}

base::json::object content() {
  return {{"urn", "urn:countersign:production:acme:payments"},
          {"purpose", "transport"},
          {"key", "P-256 256"},
          {"life_seconds", 350 * 24 * 3600},
          {"replaces", ""}};
}

std::string hash_of(const base::json::object& object) {
  return base::to_hex(crypto::sha256(base::as_bytes(base::json::serialize(object))));
}

TEST(ShownRequest, IsBoundToTheContentThatIsShown) {
  EXPECT_EQ(code_of(read_request(request_with(content(), hash_of(content())))), "ok");
  base::json::object changed = content();
  changed["key"] = "RSA 2048";
  EXPECT_EQ(code_of(read_request(request_with(changed, hash_of(content())))), "request.forged");
  EXPECT_EQ(code_of(read_request({{"request", "r1"}})), "request.malformed");
}

TEST(ShownRequest, TellsEverythingAndCannotSteerTheTerminal) {
  const std::string text = to_lines(read_request(request_with(content(), hash_of(content()))).value());
  for (const char* part : {"Request r1: pending, 1 of 2 approvals", "purpose         transport", "P-256 256",
                           "350 days", "operator:bob at 2026-06-15T12:00:00Z: seen?[2J", "enrolment-code:3f0c"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_NE(text.find(hash_of(content())), std::string::npos);
  EXPECT_EQ(text.find("replaces"), std::string::npos);
}

}  // namespace
}  // namespace countersign::cli
