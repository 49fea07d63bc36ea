// What needs no certificate: names, texts, the command line itself, settings of `up`.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "cli/api_client.h"
#include "cli/application_ref.h"
#include "cli/authority_options.h"
#include "cli/remedy.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli/up_config.h"
#include "testing/code_of.h"
#include "testing/fake_clock.h"
#include "testing/folder.h"

namespace countersign::cli {
namespace {

using base::ExitCode;
using testing::code_of;
using testing::Folder;

class NoSink final : public base::LogSink {
 public:
  void write(std::string_view) override {}
};

struct Answer {
  ExitCode code;
  std::string out;
  std::string err;
};

Answer run_with(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const testing::FakeClock clock(base::Instant::from_unix_seconds(1'781'524'800));
  NoSink sink;
  const base::Log log({.program = "test"}, clock, sink);
  Context context{out, err, clock, log};
  const ExitCode code = run(arguments, context);
  return {code, out.str(), err.str()};
}

TEST(ApplicationRef, IsThreeNames) {
  const struct {
    const char* text;
    const char* code;
  } rows[] = {{"production/acme/payments", "ok"},
              {"uat/a/b", "ok"},
              {"urn:countersign:production:acme:payments", "ok"},
              {"acme/payments", "application.form"},
              {"production/acme/payments/", "application.form"},
              {"prod/acme/payments", "environment.unknown"},
              {"production//payments", "slug.invalid"},
              {"production/Acme/payments", "slug.invalid"},
              {"production/acme/..", "slug.invalid"},
              {"urn:countersign:production:acme", "urn.invalid"}};
  for (const auto& row : rows)
    EXPECT_EQ(code_of(parse_application(row.text)), row.code) << row.text;
  EXPECT_EQ(to_ref(parse_application("urn:countersign:uat:acme:payments").value()), "uat/acme/payments");
}

TEST(Text, CannotSteerTheTerminalOrTheShell) {
  const struct {
    std::string_view text, shown;
  } rows[] = {{"a\x1b[2Jb\n", "a?[2Jb?"},
              {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91"},
              {"\xc2\x9b"
               "2J",
               "?2J"},
              {"\xc2\xa0", "\xc2\xa0"},
              {"gpj.\xe2\x80\xae"
               "exe",
               "gpj.?exe"},
              {"\xe2\x81\xa7x\xe2\x80\x8f\xd8\x9c", "?x??"},
              {"\xe2\x80\xa8", "?"},
              {"\x9b"
               "2J",
               "?2J"},
              {"\xc0\x9b", "??"},
              {"\xe0\x82\x9b", "???"},
              {"\xed\xa0\x80", "???"},
              {"\xf4\x90\x80\x80", "????"},
              {"\xe2\x82", "??"}};
  for (const auto& row : rows)
    EXPECT_EQ(printable(row.text), row.shown) << row.shown;
  EXPECT_EQ(shell_word("plain/path-1.pem"), "plain/path-1.pem");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(counted(1, "hour") + counted(0, "day"), "1 hour0 days");
  EXPECT_EQ(percent_encoded("a b&c=\xc3\xa9"), "a%20b%26c%3D%C3%A9");
  EXPECT_EQ(to_table({"A", "LONG"}, {{"xyz", "1"}, {"x", ""}}).to_text(0), "A    LONG\nxyz  1\nx\n");
}

TEST(CommandLine, ExitCodesAreThoseDocumented) {
  const struct {
    std::vector<std::string> arguments;
    ExitCode code;
  } rows[] = {{{"--help"}, ExitCode::ok},
              {{"--version"}, ExitCode::ok},
              {{"admin", "org", "create", "--help"}, ExitCode::ok},
              {{"verify", "--version"}, ExitCode::ok},
              {{}, ExitCode::usage},
              {{"nonsense"}, ExitCode::usage},
              {{"admin"}, ExitCode::usage},
              {{"request", "everything", "--code", "x"}, ExitCode::usage},
              {{"request", "transport"}, ExitCode::usage},
              {{"admin", "revoke", "12", "--reason", "boredom"}, ExitCode::usage},
              {{"admin", "app", "create", "acme/payments"}, ExitCode::usage},
              {{"admin", "requests", "refuse", "r1"}, ExitCode::usage},
              {{"renew", "transport", "--out", "/nonexistent"}, ExitCode::usage},
              {{"renew", "transport", "--wait", "soon"}, ExitCode::usage},
              {{"agent"}, ExitCode::usage},
              {{"ehi"}, ExitCode::usage},
              {{"ehi", "show"}, ExitCode::usage},
              {{"ehi", "replay"}, ExitCode::usage},
              {{"ehi", "replay", "1", "--endpoint", "acme"}, ExitCode::usage},
              {{"ehi", "outbox", "--state", "lost"}, ExitCode::usage},
              {{"ehi", "endpoints", "--data", "/nonexistent"}, ExitCode::usage},
              {{"check"}, ExitCode::usage},
              {{"check", "ehi"}, ExitCode::usage},
              {{"check", "ehi", "http://localhost/"}, ExitCode::usage},
              {{"check", "ehi", "https://localhost/", "--cert", "a.pem"}, ExitCode::usage},
              {{"check", "ehi", "https://localhost/", "--method", "G E T"}, ExitCode::usage},
              {{"check", "ehi", "https://localhost/", "--anchors", "/nonexistent"}, ExitCode::usage},
              {{"check", "ehi", "https://localhost/", "--test-credentials", "/nonexistent"}, ExitCode::usage},
              {{"trust-chain", "--format", "p7b"}, ExitCode::usage},
              {{"trust-chain", "--format", "p12", "--out", "a.p12"}, ExitCode::usage},
              {{"agent", "--config", "/nonexistent", "--once"}, ExitCode::usage},
              {{"request", "transport", "--code", "x", "--data", "/nonexistent"}, ExitCode::usage},
              {{"admin", "list", "--data", "/nonexistent", "--trust-chain", "/nonexistent"}, ExitCode::usage}};
  for (const auto& row : rows) {
    const Answer answer = run_with(row.arguments);
    const std::string words = row.arguments.empty() ? "nothing" : row.arguments.front() + " " + row.arguments.back();
    EXPECT_EQ(answer.code, row.code) << words << "\n" << answer.out << answer.err;
    EXPECT_EQ(answer.err.empty(), row.code == ExitCode::ok) << words;
  }
}

TEST(CommandLine, WithJsonAFailureIsJson) {
  const struct {
    std::vector<std::string> arguments;
    const char* code;
  } rows[] = {
      {{"admin", "list", "--json", "--data", "/nonexistent", "--trust-chain", "/nonexistent"}, "operator.missing"},
      {{"admin", "app", "create", "acme/payments", "--json"}, "application.form"},
      {{"admin", "ogr", "list", "--json"}, "usage"},
      {{"verify", "--trust", "/nonexistent", "--purpose", "transport", "/nonexistent", "--json"}, "file.not_found"}};
  for (const auto& row : rows) {
    const Answer answer = run_with(row.arguments);
    EXPECT_EQ(answer.code, ExitCode::usage) << row.code;
    EXPECT_EQ(answer.out, "") << row.code;
    const auto value = base::parse_json(answer.err);
    ASSERT_TRUE(value) << answer.err;
    EXPECT_EQ(member(value->as_object(), "code"), row.code) << answer.err;
    EXPECT_NE(member(value->as_object(), "detail"), "") << answer.err;
    EXPECT_TRUE(value->as_object().contains("remedy")) << answer.err;
  }
  EXPECT_TRUE(run_with({"admin", "app", "create", "acme/payments"}).err.starts_with("countersign: "));
}

TEST(CommandLine, WhatIsMissingIsNamedBeforeAnybodyIsCalled) {
  const struct {
    std::vector<std::string> arguments;
    const char* code;
  } rows[] = {{{"token", "--out", "/nonexistent"}, "token.no_certificate"},
              {{"admin", "contacts", "add", "acme"}, "contact.options"},
              {{"admin", "contacts", "add", "acme", "--email", "a@b", "--webhook", "https://c"}, "contact.options"}};
  for (const auto& row : rows) {
    const Answer answer = run_with(row.arguments);
    EXPECT_EQ(answer.code, ExitCode::usage) << row.code;
    EXPECT_NE(answer.err.find("(" + std::string(row.code) + ")"), std::string::npos) << answer.err;
  }
}

TEST(Remedy, IsThatOfTheOutermostCodeThatHasOne) {
  const base::Error inner{base::Kind::conflict, "key.compromised", "make a new key", nullptr};
  EXPECT_NE(remedy(inner).find("another --out"), std::string_view::npos);
  EXPECT_EQ(remedy(base::Error(inner).under("some.code", "x")), remedy(inner));
  EXPECT_NE(remedy(base::Error(inner).under("credential.mismatch", "x")), remedy(inner));
  EXPECT_EQ(remedy({base::Kind::conflict, "some.code", "x", nullptr}), "");
}

TEST(CommandLine, AMistypedCommandIsNamedWithThoseThereAre) {
  EXPECT_TRUE(run_with({"admin", "ogr", "list"})
                  .err.starts_with("countersign: 'ogr' is no command of `countersign admin`; there are: org app"));
  EXPECT_TRUE(run_with({"admin"}).err.starts_with("countersign: A subcommand is required"));
}

TEST(CommandLine, EveryHelpNamesTheExitCodes) {
  for (const char* command : {"up", "request", "renew", "agent", "trust-chain", "verify", "check"})
    EXPECT_NE(run_with({command, "--help"}).out.find("Exit codes:"), std::string::npos) << command;
  EXPECT_NE(run_with({"--help"}).out.find("Exit codes:"), std::string::npos);
}

TEST(Completion, KnowsEveryCommandOptionAndChoice) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Answer answer = run_with({"completion", shell});
    EXPECT_EQ(answer.code, ExitCode::ok);
    for (const char* word : {"trust-chain", "suspend", "key_compromise", "renew", "agent", "new-key", "requests",
                             "codes", "approve", "p12-password-file", "gateway-status-port", "test-credentials"})
      EXPECT_NE(answer.out.find(word), std::string::npos) << shell << " " << word;
  }
}

TEST(Problem, KeepsTheAuthoritysCodeAndDetail) {
  const base::Error known =
      problem_to_error(409, R"({"status":409,"code":"code.used","detail":"used \u001b[1malready"})");
  EXPECT_EQ(known.kind, base::Kind::conflict);
  EXPECT_EQ(known.code, "code.used");
  EXPECT_EQ(known.detail, "used ?[1malready");
  const base::Error unknown = problem_to_error(502, "<html>");
  EXPECT_EQ(unknown.kind, base::Kind::unavailable);
  EXPECT_EQ(unknown.code, "authority.status_502");
  std::ostringstream err;
  print_error(err, known);
  EXPECT_TRUE(err.str().starts_with("countersign: used ?[1malready (code.used)\n  ")) << err.str();
}

TEST(AuthorityAddress, ComesFromTheOptionThenTheFolderThenTheDefault) {
  const Folder folder;
  AuthorityOptions options;
  options.data = folder.path();
  EXPECT_EQ(options.address()->to_string(), "localhost:9443");
  const auto configure = [&](const std::string& api) {
    ASSERT_TRUE(base::write_file(folder / "countersign.toml", "[authority]\napi = \"" + api + "\"\n",
                                 base::FileMode::owner_only));
  };
  configure("0.0.0.0:7000");
  EXPECT_EQ(options.address()->to_string(), "localhost:7000");
  configure("127.0.0.1:0");
  EXPECT_EQ(code_of(options.address()), "authority.not_running");
  ASSERT_TRUE(
      base::write_file(folder / kRunningFile, R"({"api":"127.0.0.1:4711","pid":1})", base::FileMode::owner_only));
  EXPECT_EQ(options.address()->to_string(), "127.0.0.1:4711");
  options.authority = "auth.example:1";
  EXPECT_EQ(options.address()->to_string(), "auth.example:1");
}

TEST(UpConfig, TheFirstFileIsWhatWasAskedFor) {
  const Folder folder;
  const auto file = folder / "countersign.toml";
  const UpSettings asked{.provider = "Bank \"Q\"", .upstream = "127.0.0.1:1", .internal_port = 0, .gateway_port = 4443};
  ASSERT_TRUE(base::write_file(file, first_config(asked), base::FileMode::owner_only));
  const auto config = read_up_config(file, asked);
  ASSERT_TRUE(config) << base::to_string(config.error());
  EXPECT_EQ(config->authority_data, folder / "authority");
  EXPECT_EQ(config->server_names, (std::vector<std::string>{"localhost", "127.0.0.1"}));
  EXPECT_EQ(config->upstreams, std::vector<std::string>{"127.0.0.1:1"});
  EXPECT_EQ(config->gateway_authority_host, "localhost");
  EXPECT_EQ(code_of(read_up_config(file, {})), "ok");
}

TEST(UpConfig, AnOptionThatTheFileContradictsIsRefused) {
  const Folder folder;
  const auto file = folder / "countersign.toml";
  ASSERT_TRUE(base::write_file(file, first_config({}), base::FileMode::owner_only));
  EXPECT_FALSE(read_up_config(file, {})->gateway_authority_host);
  EXPECT_EQ(code_of(read_up_config(file, {.api_port = 9443})), "ok");
  EXPECT_EQ(code_of(read_up_config(file, {.provider = "Example Payments"})), "ok");
  EXPECT_EQ(code_of(read_up_config(file, {.api_port = 443})), "up.setting");
  EXPECT_EQ(code_of(read_up_config(file, {.provider = "Other"})), "up.setting");
  EXPECT_EQ(code_of(read_up_config(file, {.environment = "uat"})), "up.setting");
  EXPECT_EQ(code_of(read_up_config(file, {.upstream = "127.0.0.1:8081"})), "up.setting");
}

}  // namespace
}  // namespace countersign::cli
