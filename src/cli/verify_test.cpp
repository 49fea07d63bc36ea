// `countersign verify`: one row for each reason that files alone can give, each beside its accepted twin.
#include "cli/verify.h"

#include <sstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "cli/run.h"
#include "testing/folder.h"
#include "testing/pki.h"

namespace countersign::cli {
namespace {

using testing::Folder;
using testing::Issued;
using testing::Pki;
using trust::Purpose;

class NoSink final : public base::LogSink {
 public:
  void write(std::string_view) override {}
};

struct Answer {
  base::ExitCode code;
  std::string out;
  std::string err;
};

class Verify : public ::testing::Test {
 protected:
  Verify() {
    put("roots.pem", pki_.partner_root().certificate.to_pem() + pki_.provider_root().certificate.to_pem() +
                         pki_.web_root().certificate.to_pem());
  }

  void put(const std::string& name, const std::string& content) {
    ASSERT_TRUE(base::write_file(folder_ / name, content, base::FileMode::world_readable));
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  Answer run_verify(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    NoSink sink;
    const base::Log log({.program = "test"}, pki_.clock(), sink);
    Context context{out, err, pki_.clock(), log};
    arguments.insert(arguments.begin(), {"verify", "--trust", at("roots.pem")});
    const base::ExitCode code = run(arguments, context);
    return {code, out.str(), err.str()};
  }

  /// The verdict's first line on the chain of `issued`.
  std::string verdict_of(const Issued& issued, const std::string& purpose, const std::string& host = "") {
    put("leaf.pem", x509::to_pem(issued.chain));
    std::vector<std::string> arguments{"--purpose", purpose, at("leaf.pem")};
    if (!host.empty()) arguments.insert(arguments.end(), {"--name", host});
    const Answer answer = run_verify(arguments);
    const std::string first = answer.out.substr(0, answer.out.find('\n'));
    EXPECT_EQ(answer.code, first == "accepted" ? base::ExitCode::ok : base::ExitCode::refused)
        << answer.out << answer.err;
    return first;
  }

  Pki pki_;
  Folder folder_;
};

TEST_F(Verify, NamesTheReason) {
  const struct {
    const char* row;
    Issued issued;
    const char* purpose;
    const char* host;
    const char* verdict;
  } rows[] = {
      {"good transport", pki_.client().issue(), "transport", "", "accepted"},
      {"good signing", pki_.client().purpose(Purpose::signing).issue(), "signing", "", "accepted"},
      {"good server", pki_.server("bank.example").issue(), "server", "bank.example", "accepted"},
      {"expired", pki_.client().expired().issue(), "transport", "", "refused expired"},
      {"not yet valid", pki_.client().not_yet_valid().issue(), "transport", "", "refused not_yet_valid"},
      {"self-signed", pki_.client().self_signed().issue(), "transport", "", "refused self_signed"},
      {"issuing CA left out", pki_.client().without_issuers().issue(), "transport", "", "refused missing_intermediate"},
      {"forged", pki_.client().forged().issue(), "transport", "", "refused bad_signature"},
      {"content changed", pki_.client().tampered_content().issue(), "transport", "", "refused bad_signature"},
      {"signing for transport", pki_.client().purpose(Purpose::signing).issue(), "transport", "",
       "refused wrong_purpose"},
      {"transport for signing", pki_.client().issue(), "signing", "", "refused wrong_purpose"},
      {"server for transport", pki_.internal_server().issue(), "transport", "", "refused wrong_purpose"},
      {"other host", pki_.server("bank.example").issue(), "server", "other.example", "refused wrong_name"},
      {"RSA-1024", pki_.client().weak_key().issue(), "transport", "", "refused weak_key"},
      {"SHA-1", pki_.client().weak_signature().issue(), "transport", "", "refused weak_signature"},
      {"critical and unknown", pki_.client().with_unknown_critical_extension().issue(), "transport", "",
       "refused malformed"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(verdict_of(row.issued, row.purpose, row.host), row.verdict) << row.row;
}

TEST_F(Verify, JudgesEachPurposeAndTheEnvironmentWhereAsked) {
  EXPECT_EQ(verdict_of(pki_.service().issue(), "service"), "accepted");
  EXPECT_EQ(verdict_of(pki_.client().issue(), "ehi"), "refused wrong_purpose");
  put("uat.pem", x509::to_pem(pki_.client().environment(base::Environment::uat).issue().chain));
  const Answer any = run_verify({"--purpose", "transport", at("uat.pem")});
  EXPECT_EQ(any.code, base::ExitCode::ok);
  EXPECT_NE(any.out.find("not judged   revocation, suspension, environment\n"), std::string::npos) << any.out;
  const Answer uat = run_verify({"--purpose", "transport", "--environment", "uat", at("uat.pem")});
  EXPECT_NE(uat.out.find("not judged   revocation, suspension\n"), std::string::npos) << uat.out;
  const Answer production = run_verify({"--purpose", "transport", "--environment", "production", at("uat.pem")});
  EXPECT_EQ(production.code, base::ExitCode::refused);
  EXPECT_TRUE(production.out.starts_with("refused wrong_environment\n")) << production.out;
}

TEST_F(Verify, AnotherProvidersRootIsUnknown) {
  put("roots.pem", pki_.web_root().certificate.to_pem());
  EXPECT_EQ(verdict_of(pki_.client().issue(), "transport"), "refused unknown_issuer");
}

TEST_F(Verify, IntermediatesMayComeInAFileOrInTheTrustFile) {
  const Issued bare = pki_.client().without_issuers().issue();
  const std::string issuing = pki_.issuing_ca(base::Environment::production, Purpose::transport).certificate.to_pem();
  put("leaf.pem", x509::to_pem(bare.chain));
  put("issuing.pem", issuing);
  EXPECT_EQ(run_verify({"--purpose", "transport", at("leaf.pem")}).code, base::ExitCode::refused);
  EXPECT_EQ(run_verify({"--purpose", "transport", "--intermediates", at("issuing.pem"), at("leaf.pem")}).code,
            base::ExitCode::ok);
  put("roots.pem", pki_.partner_root().certificate.to_pem() + issuing);
  EXPECT_EQ(run_verify({"--purpose", "transport", at("leaf.pem")}).code, base::ExitCode::ok);
}

TEST_F(Verify, AnIntermediateThatMayNotIssueSpoilsThePath) {
  const Issued good = pki_.client().issue();
  put("leaf.pem", good.certificate.to_pem());
  put("all.pem", x509::to_pem(good.chain));
  put("leafs.pem", pki_.client("other", "app").without_issuers().issue().certificate.to_pem());
  EXPECT_EQ(run_verify({"--purpose", "transport", "--intermediates", at("all.pem"), at("leaf.pem")}).code,
            base::ExitCode::ok);
  EXPECT_EQ(run_verify({"--purpose", "transport", "--intermediates", at("leafs.pem"), at("leaf.pem")}).code,
            base::ExitCode::refused);
}

TEST_F(Verify, JudgesAtTheTimeAsked) {
  put("leaf.pem", x509::to_pem(pki_.client().issue().chain));
  const auto judged_at = [&](const char* time) {
    return run_verify({"--purpose", "transport", "--at", time, at("leaf.pem")});
  };
  EXPECT_EQ(judged_at("2026-06-15T12:00:00Z").code, base::ExitCode::ok);
  EXPECT_TRUE(judged_at("2025-06-15T12:00:00Z").out.starts_with("refused not_yet_valid\n"));
  EXPECT_TRUE(judged_at("2028-06-15T12:00:00Z").out.starts_with("refused expired\n"));
  EXPECT_EQ(judged_at("yesterday").code, base::ExitCode::usage);
}

TEST_F(Verify, WhatIsNoCertificateIsMalformedAndWhatIsNotThereIsUsage) {
  const Issued good = pki_.client().issue();
  put("der", std::string(base::as_text(good.certificate.der())));
  put("issuing.pem", x509::to_pem(good.chain));
  put("cut", std::string(base::as_text(good.certificate.der()).substr(0, 100)));
  put("empty", "");
  const std::vector<std::string> before{"--purpose", "transport", "--intermediates", at("issuing.pem")};
  const auto judge = [&](const std::string& leaf) {
    std::vector<std::string> arguments = before;
    arguments.push_back(at(leaf));
    return run_verify(arguments);
  };
  EXPECT_EQ(judge("der").code, base::ExitCode::ok);
  EXPECT_TRUE(judge("cut").out.starts_with("refused malformed\n"));
  EXPECT_TRUE(judge("empty").out.starts_with("refused malformed\n"));
  EXPECT_EQ(judge("cut").code, base::ExitCode::refused);
  EXPECT_EQ(judge("absent").code, base::ExitCode::usage);
  put("roots.pem", "no certificate");
  EXPECT_EQ(judge("der").code, base::ExitCode::usage);
}

TEST_F(Verify, JsonSaysTheSame) {
  put("good.pem", x509::to_pem(pki_.client().issue().chain));
  put("late.pem", x509::to_pem(pki_.client().expired().issue().chain));
  const auto accepted = base::parse_json(run_verify({"--json", "--purpose", "transport", at("good.pem")}).out);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->at("verdict").as_string(), "accepted");
  EXPECT_EQ(accepted->at("urn").as_string(), "urn:countersign:production:acme:payments");
  const auto refused = base::parse_json(run_verify({"--json", "--purpose", "transport", at("late.pem")}).out);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->at("reason").as_string(), "expired");
  const trust::Explanation& why = trust::explanation(trust::Reason::expired);
  EXPECT_EQ(refused->at("remedy").as_string(), why.remedy(trust::Party::client));
  put("server.pem", x509::to_pem(pki_.server("bank.example").expired().issue().chain));
  const auto server = base::parse_json(run_verify({"--json", "--purpose", "server", at("server.pem")}).out);
  ASSERT_TRUE(server);
  EXPECT_EQ(server->at("reason").as_string(), "expired");
  EXPECT_EQ(server->at("remedy").as_string(), why.remedy(trust::Party::server)) << "its CA renews it, not ours";
}

TEST_F(Verify, ANameGoesWithServersOnly) {
  put("leaf.pem", x509::to_pem(pki_.client().issue().chain));
  EXPECT_EQ(run_verify({"--purpose", "transport", "--name", "localhost", at("leaf.pem")}).code, base::ExitCode::usage);
  EXPECT_EQ(run_verify({"--purpose", "anything", at("leaf.pem")}).code, base::ExitCode::usage);
}

}  // namespace
}  // namespace countersign::cli
