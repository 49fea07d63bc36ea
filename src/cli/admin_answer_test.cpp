// What people read of refused certificates: a line for each, and each reason explained once.
#include "cli/admin_answer.h"

#include <gtest/gtest.h>

namespace countersign::cli {
namespace {

namespace json = base::json;

json::object refused(const char* urn, const char* reason, const char* remedy) {
  json::object row{{"urn", urn},
                   {"serial", "0c55"},
                   {"fingerprint", "acf5"},
                   {"reason", reason},
                   {"count", 12},
                   {"first_seen", "2026-11-23T15:56:51Z"},
                   {"last_seen", "2026-11-23T16:12:07Z"},
                   {"gateway", "gateway-b"}};
  if (*remedy == '\0') return row;
  row["meaning"] = "It was so.";
  row["remedy"] = remedy;
  return row;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

TEST(TableOfRefusals, ExplainsEachReasonOnce) {
  const json::array list{refused("urn:one", "revoked", "Ask for another.\x1b[2J"),
                         refused("urn:two", "revoked", "Ask for another.\x1b[2J"),
                         refused("urn:three", "expired", "Renew."), refused("urn:four", "of_a_later_program", "")};
  const std::string text = table_of_refusals({{"refusals", list}}).to_text(0);
  for (const char* part : {"urn:one", "urn:two", "urn:three", "urn:four", "0c55", "12", "gateway-b",
                           "2026-11-23T15:56:51Z", "\nexpired: It was so.\nTo mend it: Renew.\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  EXPECT_EQ(times(text, "Ask for another."), 1U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << "an answer does not steer the terminal";
  EXPECT_EQ(text.find("\nof_a_later_program:"), std::string::npos);
}

TEST(TableOfRefusals, OfNoneSaysSo) {
  EXPECT_EQ(table_of_refusals({{"refusals", json::array()}}).to_text(0), "none\n");
  EXPECT_EQ(table_of_refusals({}).to_text(0), "none\n");
}

}  // namespace
}  // namespace countersign::cli
