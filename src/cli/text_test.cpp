// Help, messages and tables on a terminal of 80 columns, on one of 200, and in a pipe.
#include "cli/text.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/command_tree.h"
#include "cli/run.h"
#include "testing/fake_clock.h"

namespace countersign::cli {
namespace {

class NoSink final : public base::LogSink {
 public:
  void write(std::string_view) override {}
};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

std::size_t longest(const std::string& text) {
  std::size_t most = 0;
  for (const std::string& line : lines_of(text))
    most = std::max(most, line.size());
  return most;
}

std::string help_of(std::vector<std::string> words, std::size_t columns) {
  std::ostringstream out;
  std::ostringstream err;
  const testing::FakeClock clock(base::Instant::from_unix_seconds(1'781'524'800));
  NoSink sink;
  const base::Log log({.program = "test"}, clock, sink);
  Context context{out, err, clock, log};
  context.columns = columns;
  words.emplace_back("--help");
  EXPECT_EQ(run(words, context), base::ExitCode::ok) << err.str();
  return out.str();
}

/// The words of every command, groups included.
void collect(const CLI::App& app, const std::vector<std::string>& words, std::vector<std::vector<std::string>>& all) {
  all.push_back(words);
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::vector<std::string> longer = words;
    longer.push_back(child->get_name());
    collect(*child, longer, all);
  }
}

TEST(Help, OfEveryCommandFitsTheTerminal) {
  CommandTree tree;
  declare_commands(tree);
  std::vector<std::vector<std::string>> all;
  collect(tree.root(), {}, all);
  EXPECT_GT(all.size(), 50U);
  std::size_t widest = 0;
  for (const auto& words : all) {
    const std::string name = words.empty() ? "countersign" : words.front() + " ... " + words.back();
    EXPECT_LE(longest(help_of(words, 80)), 80U) << name << "\n" << help_of(words, 80);
    EXPECT_EQ(help_of(words, 0), help_of(words, kHelpColumns)) << "a pipe is no reason for long lines";
    EXPECT_LE(longest(help_of(words, 200)), 200U) << name;
    widest = std::max(widest, longest(help_of(words, 200)));
  }
  EXPECT_GT(widest, 100U) << "what a wide terminal has room for is not folded";
}

TEST(Folded, BreaksBetweenWordsUnderTheLastColumn) {
  const struct {
    const char* name;
    const char* text;
    const char* at_40;
  } rows[] = {
      {"short", "all of it\n", "all of it\n"},
      {"exactly", "0123456789 0123456789 0123456789 1234567\n", "0123456789 0123456789 0123456789 1234567\n"},
      {"one more", "0123456789 0123456789 0123456789 12345678\n", "0123456789 0123456789 0123456789\n12345678\n"},
      {"indented", "  because: this and that went wrong on the way\n",
       "  because: this and that went wrong on\n  the way\n"},
      {"a list", "  --out DIR   Where certificate and key are written to\n",
       "  --out DIR   Where certificate and key\n              are written to\n"},
      {"three columns", "  FAIL  certificate.chain  missing: 'CN=Intermediate'\n",
       "  FAIL  certificate.chain  missing:\n        'CN=Intermediate'\n"},
      {"a gap too far to the right", "0123456789012345678901234567890  and what goes on behind it\n",
       "0123456789012345678901234567890  and\nwhat goes on behind it\n"},
      {"a long word", "see 01234567890123456789012345678901234567890123456789 there\n",
       "see\n01234567890123456789012345678901234567890123456789\nthere\n"},
      {"choices", "  --reason superseded|key_compromise|cessation_of_operation\n",
       "  --reason superseded|key_compromise|\n  cessation_of_operation\n"},
      {"empty lines stay", "a\n\nb", "a\n\nb"},
      {"UTF-8 is counted in characters", "ääääääääää ääääääääää ääääääääää ääääääää\n",
       "ääääääääää ääääääääää ääääääääää\nääääääää\n"}};
  for (const auto& row : rows) {
    EXPECT_EQ(folded(row.text, 40), row.at_40) << row.name;
    EXPECT_EQ(folded(row.text, 0), row.text) << row.name;
    EXPECT_EQ(folded(folded(row.text, 40), 40), row.at_40) << row.name << ": folded once is folded";
  }
  EXPECT_EQ(folded("a few words and some more of them here\n", 3), "a few words and some more of them here\n")
      << "no terminal is that narrow";
}

TEST(Table, TooWideForTheTerminalBecomesBlocks) {
  const std::string id(32, '7');
  const Row header{"SERVER", "ORGANISATION", "URL", "VERDICT"};
  const Shown table = to_table(
      header, {{id, "acme", "https://host.acme.example/decide", "pass"}, {id, "bank", "https://b.example", ""}});
  const std::string whole =
      "SERVER                            ORGANISATION  URL                               VERDICT\n" + id +
      "  acme          https://host.acme.example/decide  pass\n" + id + "  bank          https://b.example\n";
  EXPECT_EQ(table.to_text(0), whole) << "a pipe has no width";
  EXPECT_EQ(table.to_text(200), whole);
  EXPECT_EQ(table.to_text(89), whole) << "it just fits";
  const std::string blocks =
      "SERVER:        " + id + "\nORGANISATION:  acme\nURL:           https://host.acme.example/decide\n" +
      "VERDICT:       pass\n\nSERVER:        " + id + "\nORGANISATION:  bank\nURL:           https://b.example\n";
  EXPECT_EQ(table.to_text(88), blocks);
  EXPECT_EQ(table.to_text(80), blocks);
}

TEST(Table, ALongCellOfABlockIsFolded) {
  std::string remedy;
  for (int i = 0; i < 30; ++i)
    remedy += "word" + std::to_string(i) + " ";
  const std::string text = to_table({"CHECK", "REMEDY"}, {{"certificate.chain", remedy}}).to_text(80);
  EXPECT_TRUE(text.starts_with("CHECK:   certificate.chain\nREMEDY:  word0 ")) << text;
  EXPECT_LE(longest(text), 80U) << text;
  EXPECT_NE(text.find("\n         word"), std::string::npos) << text;
}

TEST(Shown, KeepsCommandsWhole) {
  const std::string command = "  countersign request transport --code " + std::string(60, 'x') + " --out here\n";
  const Shown shown = Shown("The code is good until tomorrow, for transport and for signing. Let the partner run:\n") +
                      command.c_str() + to_table({"A"}, {{"b"}});
  EXPECT_EQ(
      shown.to_text(80),
      "The code is good until tomorrow, for transport and for signing. Let the partner\nrun:\n" + command + "A\nb\n");
  EXPECT_EQ(lines_of(shown.to_text(200)).size(), 4U);
}

TEST(Columns, AreThoseOfATerminalOnly) {
  const std::ostringstream out;
  EXPECT_EQ(columns_of(out), 0U);
}

}  // namespace
}  // namespace countersign::cli
