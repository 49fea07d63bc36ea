// How one issuing CA follows another: each step, each refusal and its twin, and a crash behind every step.
#include "authority/rotation/rotation.h"

#include <algorithm>
#include <filesystem>

#include "authority/authority.h"
#include "authority/fixture_test.h"
#include "authority/founding/ceremony.h"
#include "base/files.h"
#include "ceremony/ca_profile.h"
#include "feed/holdings.h"
#include "trust/verdict.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using base::Environment;
using testing::code_of;
using trust::Purpose;

constexpr const char* kLine = "production-transport";
constexpr const char* kNext = "production-transport-2";

class NoSink final : public base::LogSink {
  void write(std::string_view) override {}
};

/// Whole authorities on one data folder, opened again as after a crash.
class Rotating : public ::testing::Test {
 protected:
  void SetUp() override {
    EstablishedData::shared().copy_to(folder());
    reopen();
    ASSERT_TRUE(authority().directory().create_organisation(admin(), slug("acme"), "Acme"));
    ASSERT_TRUE(authority().directory().create_application(admin(), {identity(kPayments), "", {}}));
  }

  fs::path folder() const { return base_ / "authority"; }
  testing::RawRegistry raw() const { return testing::RawRegistry(DataFolder(folder()).registry()); }
  Authority& authority() { return *authority_; }
  Rotation& rotation() { return authority_->rotation(); }
  void reopen() {
    authority_.reset();
    Settings settings;
    settings.provider = "Example Payments";
    settings.data = folder();
    settings.registry = testing::registry_at(DataFolder(folder()).registry());
    settings.server_names = {"localhost"};
    settings.policy = IssuancePolicy(kDay * 350);
    auto opened =
        Authority::open(settings, EstablishedData::shared().passphrase(), {clock, random_, log_, observer, listener_});
    ASSERT_TRUE(opened) << base::to_string(opened.error());
    authority_ = std::move(*opened);
  }

  Issued enrol(std::string_view urn_end = kPayments, Purpose purpose = Purpose::transport) {
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    const auto code = authority().enrolment().create_code(admin(), {identity(urn_end), {purpose}});
    EXPECT_TRUE(code) << base::to_string(code.error());
    const std::string csr = x509::Csr::make_pem(key, {"", "", ""}).value();
    const auto outcome = authority().enrolment().redeem({code->code.text().reveal_text(), purpose, csr});
    EXPECT_TRUE(outcome) << base::to_string(outcome.error());
    return std::get<Issued>(*outcome);
  }
  /// What a gateway would make of it now; "ok" or the reason.
  std::string judge(const x509::Certificate& leaf, const x509::Certificate& issuer) {
    const trust::Policy policy{.purposes = {Purpose::transport, Purpose::service, Purpose::signing}};
    auto chain = trust::verify_chain({leaf, issuer}, policy, *authority().trust(), clock.now());
    if (!chain) return std::string(trust::name(chain.error().reason));
    const auto admitted = trust::admit(std::move(*chain), authority().view());
    return admitted ? "ok" : std::string(trust::name(admitted.error().reason));
  }
  const x509::Certificate& certificate_of(const std::string& ca) {
    return authority().hierarchy().find_issuing_ca(ca)->certificate;
  }
  std::string state_of(const std::string& ca) {
    return raw().ask("SELECT state FROM issuing_cas WHERE name = '" + ca + "'");
  }

  /// A gateway that was seen: its serial. `holds`: by name.
  std::string gateway(std::string_view name, const std::vector<std::string>& holds) {
    const std::string urn_end = "internal:service:" + std::string(name);
    (void)authority().directory().create_application(admin(), {identity(urn_end), "", {}});
    const Issued issued = enrol(urn_end, Purpose::service);
    see(issued.certificate, holds);
    return issued.certificate.serial().hex();
  }
  void see(const x509::Certificate& gateway, const std::vector<std::string>& holds) {
    std::vector<std::string> held;
    for (const std::string& ca : holds)
      held.push_back(feed::holding_of(certificate_of(ca)));
    ASSERT_TRUE(authority().followers().note(gateway, "urn:of:a:test", std::move(held)));
  }
  base::Result<void> settle(base::Result<void> done) {
    if (done) {
      EXPECT_TRUE(authority().refresh());
    }
    return done;
  }

  /// Up to and with that state, on `line`; gateways believe what was distributed.
  void bring_to(CaState state, const std::string& line = kLine) {
    const std::string name = line + "-2";
    ASSERT_EQ(rotation().prepare(admin(), line, "").value(), name);
    ASSERT_EQ(code_of(settle(rotation().certify(admin(), name))), "ok");
    if (state == CaState::prepared) return;
    ASSERT_EQ(code_of(settle(rotation().distribute(admin(), name))), "ok");
    if (state == CaState::distributed) return;
    gateway("gateway-of-" + line, {line, name});
    ASSERT_EQ(code_of(settle(rotation().activate(admin(), name, {}))), "ok");
  }
  /// A certificate for the request of `name`, as a ceremony makes it with the partner root's key; changed by `change`.
  base::Result<x509::Certificate> at_ceremony(const std::string& name,
                                              const std::function<void(ceremony::CaOrder&)>& change = {}) {
    const auto overview = rotation().show(name).value();
    const auto csr = x509::Csr::parse(overview.prospect->csr).value();
    const x509::Certificate& root = authority().hierarchy().root(Root::partner);
    ceremony::CaOrder order{.rank = ceremony::CaRank::issuing,
                            .subject = {"The next one", "Example Payments", {}},
                            .key = csr.public_key(),
                            .not_before = clock.now() - std::chrono::hours(1),
                            .not_after = clock.now() + kDay * 3650};
    if (change) change(order);
    BASE_TRY(const auto draft, ceremony::draft(order, &root, clock.now(), random_));
    const auto key =
        load_key(key_file(DataFolder(folder()).keys(), "partner-root"), EstablishedData::shared().passphrase()).value();
    return draft.assemble(key.sign(draft.tbs().der).value());
  }

  testing::FakeClock clock{kNow};
  StopAt observer;

 private:
  testing::SeededRandom random_{77};
  testing::Folder base_;
  NoSink sink_;
  base::Log log_{base::Log::Options{"test"}, clock, sink_};
  CountPublications listener_;
  std::unique_ptr<Authority> authority_;
};

TEST_F(Rotating, TakesOverWithoutARefusal) {
  const Issued old = enrol();
  const std::string watched = gateway("gateway", {kLine});
  const auto good = [&](const Issued& one) { return judge(one.certificate, one.issuer->certificate); };

  ASSERT_EQ(rotation().prepare(admin(), kLine, "").value(), kNext);
  ASSERT_EQ(code_of(settle(rotation().certify(admin(), kNext))), "ok");
  EXPECT_EQ(authority().hierarchy().trust_chain(Root::partner).size(), 6U) << "nobody was told";
  EXPECT_EQ(enrol().issuer->name, kLine);

  ASSERT_EQ(code_of(settle(rotation().distribute(admin(), kNext))), "ok");
  EXPECT_EQ(authority().hierarchy().trust_chain(Root::partner).size(), 7U);
  EXPECT_NE(base::read_file(DataFolder(folder()).partner_chain()).value().find(certificate_of(kNext).to_pem()),
            std::string::npos);
  EXPECT_EQ(enrol().issuer->name, kLine);
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.not_held");

  const auto row = raw().ask("SELECT serial FROM followers");
  ASSERT_EQ(row, watched);
  const auto der =
      base::from_base64(raw().ask("SELECT der FROM certificates WHERE serial = '" + watched + "'")).value();
  see(x509::Certificate::from_der(der).value(), {kLine, kNext});
  ASSERT_EQ(code_of(settle(rotation().activate(admin(), kNext, {}))), "ok");
  const Issued fresh = enrol();
  EXPECT_EQ(fresh.issuer->name, kNext);
  EXPECT_EQ(good(fresh), "ok");
  EXPECT_EQ(judge(old.certificate, certificate_of(kLine)), "ok");
  EXPECT_EQ(state_of(kLine), "superseded");

  EXPECT_EQ(code_of(rotation().retire(admin(), kLine, {})), "ca.in_use");
  ASSERT_EQ(code_of(settle(rotation().retire(admin(), kLine, {4}))), "ca.in_use") << "there are three";
  ASSERT_EQ(code_of(settle(rotation().retire(admin(), kLine, {3}))), "ok");
  EXPECT_EQ(judge(old.certificate, certificate_of(kLine)), "issuer_withdrawn");
  EXPECT_EQ(judge(fresh.certificate, certificate_of(kNext)), "ok") << "only those of the one that was retired";
  EXPECT_EQ(authority().hierarchy().trust_chain(Root::partner).size(), 6U);
  reopen();
  EXPECT_EQ(judge(old.certificate, certificate_of(kLine)), "issuer_withdrawn");
  EXPECT_EQ(judge(fresh.certificate, certificate_of(kNext)), "ok");
}

TEST_F(Rotating, CutsWhoIsConnected) {
  const Issued old = enrol();
  const trust::Policy policy{.purposes = {Purpose::transport}};
  auto chain =
      trust::verify_chain({old.certificate, old.issuer->certificate}, policy, *authority().trust(), clock.now());
  const auto admitted = trust::admit(std::move(*chain), authority().view());
  ASSERT_TRUE(admitted);
  bring_to(CaState::active);
  EXPECT_FALSE(trust::reconsider(*admitted, authority().view(), clock.now()));
  ASSERT_EQ(code_of(settle(rotation().retire(admin(), kLine, {1}))), "ok");
  const auto refusal = trust::reconsider(*admitted, authority().view(), clock.now());
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, trust::Reason::issuer_withdrawn);
}

TEST_F(Rotating, IsNotUsedBeforeTheDayThatWasAnnounced) {
  bring_to(CaState::prepared);
  const base::Instant day = clock.now() + kDay * 30;
  EXPECT_EQ(code_of(rotation().distribute(admin(), kNext, clock.now())), "ca.use_from");
  EXPECT_EQ(code_of(rotation().distribute(admin(), kNext, clock.now() + kDay * 36'500)), "ca.use_from");
  ASSERT_EQ(code_of(settle(rotation().distribute(admin(), kNext, day))), "ok");
  EXPECT_EQ(rotation().show(kNext)->row->use_from, day);
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.announced");
  clock.set(day);
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.nobody_seen");
  clock.set(day - std::chrono::seconds(1));
  EXPECT_EQ(code_of(settle(rotation().activate(admin(), kNext, {{}, "the old one is lost"}))), "ok");
}

TEST_F(Rotating, RefusesWhatIsOutOfOrder) {
  using Step_ = std::function<base::Result<void>()>;
  const auto prepare = [this] {
    auto made = rotation().prepare(admin(), kLine, "");
    return made ? base::Result<void>() : base::Result<void>(base::unexpected(made.error()));
  };
  const auto withdraw = [this](const char* name, const char* reason) {
    auto done = rotation().withdraw(admin(), name, reason);
    return done ? base::Result<void>() : base::Result<void>(base::unexpected(done.error()));
  };
  struct Row {
    const char* name;
    Step_ step;
    const char* code;
  };
  const Row before[] = {
      {"certify nobody", [&] { return rotation().certify(admin(), kNext); }, "ca.unknown"},
      {"distribute nobody", [&] { return rotation().distribute(admin(), kNext); }, "ca.unknown"},
      {"retire the one that issues", [&] { return rotation().retire(admin(), kLine, {}); }, "ca.active"},
      {"cancel the one that issues", [&] { return rotation().cancel(admin(), kLine); }, "ca.state"},
      {"withdraw without a reason", [&] { return withdraw(kLine, ""); }, "ca.no_reason"},
      {"activate the one that issues", [&] { return rotation().activate(admin(), kLine, {}); }, "ok"},
  };
  EXPECT_EQ(code_of(rotation().prepare(admin(), "uat", "")), "ca.line");
  for (const Row& row : before)
    EXPECT_EQ(code_of(row.step()), row.code) << row.name;
  ASSERT_TRUE(prepare());
  const Row waiting[] = {
      {"once more", prepare, "ok"},
      {"distribute without a certificate", [&] { return rotation().distribute(admin(), kNext); }, "ca.state"},
      {"activate without a certificate", [&] { return rotation().activate(admin(), kNext, {}); }, "ca.state"},
  };
  for (const Row& row : waiting)
    EXPECT_EQ(code_of(row.step()), row.code) << row.name;
  EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM prospective_cas"), "1");
  ASSERT_TRUE(settle(rotation().certify(admin(), kNext)));
  const Row prepared[] = {
      {"certify again", [&] { return rotation().certify(admin(), kNext); }, "ok"},
      {"prepare a second", prepare, "ca.pending"},
      {"activate what nobody was told", [&] { return rotation().activate(admin(), kNext, {}); }, "ca.state"},
      {"retire what nobody was told", [&] { return rotation().retire(admin(), kNext, {}); }, "ca.state"},
      {"distribute", [&] { return settle(rotation().distribute(admin(), kNext)); }, "ok"},
      {"distribute again", [&] { return rotation().distribute(admin(), kNext); }, "ok"},
      {"cancel what was told", [&] { return rotation().cancel(admin(), kNext); }, "ca.state"},
      {"prepare a second still", prepare, "ca.pending"},
  };
  for (const Row& row : prepared)
    EXPECT_EQ(code_of(row.step()), row.code) << row.name;
}

TEST_F(Rotating, ActivatesWhenFollowersHoldIt) {
  bring_to(CaState::distributed);
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.nobody_seen");
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {{"ab"}, ""})), "ca.no_reason");
  gateway("holds", {kLine, kNext});
  gateway("other-lines", {"internal"});
  const std::string late = gateway("late", {kLine});
  const std::string silent = gateway("silent", {});
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.not_held");
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {{late}, "it is old"})), "ca.not_held") << "silent";
  const auto shown = rotation().show(kNext).value();
  EXPECT_EQ(shown.followers.size(), 4U);
  ASSERT_EQ(code_of(rotation().activate(admin(), kNext, {{late, silent}, "both are being replaced"})), "ok");
  EXPECT_NE(raw().ask("SELECT detail FROM audit WHERE action = 'issuing_ca.activated'").find(silent),
            std::string::npos);
}

TEST_F(Rotating, DoesNotWaitForWhoIsGone) {
  bring_to(CaState::distributed);
  const std::string gone = gateway("gone", {kLine});
  ASSERT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.not_held");
  ASSERT_TRUE(raw().run("UPDATE certificates SET replaces = '" + gone + "' WHERE serial = '" +
                        gateway("renewed", {kLine, kNext}) + "'"));
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ok") << "its certificate was replaced";
}

TEST_F(Rotating, WaitsADayForWhoWasNotSeen) {
  bring_to(CaState::distributed);
  gateway("away", {kLine});
  clock.advance(kFollowerMemory - std::chrono::minutes(1));
  gateway("here", {kLine, kNext});
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ca.not_held");
  clock.advance(std::chrono::minutes(2));
  EXPECT_EQ(code_of(rotation().activate(admin(), kNext, {})), "ok");
}

TEST_F(Rotating, RepeatsWhatACrashInterrupted) {
  struct Row {
    Step step;
    int let_pass;
  };
  const Row rows[] = {{Step::after_ca_claim, 0},  {Step::after_ca_key, 0},    {Step::after_ca_change, 0},
                      {Step::after_ca_record, 0}, {Step::after_ca_sign, 0},   {Step::after_ca_change, 1},
                      {Step::after_ca_change, 2}, {Step::after_ca_change, 3}, {Step::after_ca_change, 4}};
  const auto all = [this]() -> base::Result<void> {
    BASE_TRY(const std::string name, rotation().prepare(admin(), kLine, ""));
    BASE_TRY_VOID(settle(rotation().certify(admin(), name)));
    BASE_TRY_VOID(settle(rotation().distribute(admin(), name)));
    BASE_TRY_VOID(settle(rotation().activate(admin(), name, {{}, "there are no gateways"})));
    return settle(rotation().retire(admin(), kLine, {}));
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(name(row.step)) + " " + std::to_string(row.let_pass));
    fs::remove_all(folder());
    EstablishedData::shared().copy_to(folder());
    observer.stop_at.reset();
    reopen();
    observer.stop_at = row.step;
    observer.let_pass = row.let_pass;
    ASSERT_EQ(code_of(all()), "test.crash");
    observer.stop_at.reset();
    reopen();
    const std::string reached = state_of(kNext);
    if (reached.empty()) {
      EXPECT_EQ(code_of(all()), "ok");
    } else {
      (void)rotation().distribute(admin(), kNext);
      (void)authority().refresh();
      (void)rotation().activate(admin(), kNext, {{}, "there are no gateways"});
      (void)authority().refresh();
      EXPECT_EQ(code_of(settle(rotation().retire(admin(), kLine, {}))), "ok");
    }
    EXPECT_EQ(state_of(kLine), "retired");
    EXPECT_EQ(state_of(kNext), "active");
    EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM issuing_cas WHERE line = 'production-transport'"), "2");
    EXPECT_EQ(raw().ask("SELECT COUNT(*) FROM prospective_cas"), "1");
    reopen();
    EXPECT_TRUE(authority().signer_has_key_of(kNext));
  }
}

TEST_F(Rotating, TakesTheCertificateOfACeremony) {
  ASSERT_TRUE(rotation().prepare(admin(), kLine, ""));
  ASSERT_TRUE(rotation().prepare(admin(), "uat-transport", ""));
  const auto good = at_ceremony(kNext).value();
  const auto of_another_key = at_ceremony("uat-transport-2").value();
  const auto named_alike = at_ceremony(kNext, [this](ceremony::CaOrder& order) {
                             order.subject.common_name = certificate_of(kLine).subject().common_name;
                           }).value();
  // Drafted as a root's would be, so that only the import stands in the way.
  const auto longer = at_ceremony(kNext, [](ceremony::CaOrder& order) { order.path_length = 1; });
  EXPECT_EQ(code_of(longer), "ca.profile");
  const auto beyond =
      at_ceremony(kNext, [this](ceremony::CaOrder& order) { order.not_after = clock.now() + kDay * 8000; });
  EXPECT_EQ(code_of(beyond), "ca.profile");
  struct Row {
    const char* name;
    x509::Certificate certificate;
    const char* code;
  };
  const Row rows[] = {
      {"another key", of_another_key, "ca.profile"},
      {"a CA of ours", certificate_of(kLine), "ca.profile"},
      {"another root", certificate_of("internal"), "ca.profile"},
      {"the root itself", authority().hierarchy().root(Root::partner), "ca.profile"},
      {"a name that is taken", named_alike, "ca.name_taken"},
      {"the right one", good, "ok"},
      {"the right one again", good, "ok"},
      {"a second one", at_ceremony(kNext).value(), "ca.state"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(code_of(settle(rotation().import(admin(), kNext, row.certificate))), row.code) << row.name;
  EXPECT_EQ(certificate_of(kNext), good);
  EXPECT_EQ(code_of(rotation().import(admin(), "nobody", good)), "ca.unknown");
}

TEST_F(Rotating, NeedsNoRootKey) {
  const fs::path key = key_file(DataFolder(folder()).keys(), "partner-root");
  const auto pem = base::read_file(key).value();
  ASSERT_TRUE(rotation().prepare(admin(), kLine, ""));
  fs::remove(key);
  EXPECT_EQ(code_of(rotation().certify(admin(), kNext)), "root.offline");
  ASSERT_TRUE(base::write_file(key, pem, base::FileMode::owner_only));
  EXPECT_EQ(code_of(rotation().certify(admin(), kNext)), "ok");
  fs::remove(key);
  reopen();
}

TEST_F(Rotating, CertifiesNoKeyOfACaToBe) {
  ASSERT_TRUE(rotation().prepare(admin(), kLine, ""));
  ASSERT_TRUE(authority().refresh());
  const std::string csr = rotation().show(kNext).value().prospect->csr;
  const auto code = authority().enrolment().create_code(admin(), {identity(kPayments), {Purpose::transport}});
  EXPECT_EQ(code_of(authority().enrolment().redeem({code->code.text().reveal_text(), Purpose::transport, csr})),
            "key.in_use");
}

TEST_F(Rotating, DoesNotTakeAForeignKeyForItsOwn) {
  const fs::path file = key_file(DataFolder(folder()).keys(), kNext);
  ASSERT_TRUE(base::write_file(file, "of somebody", base::FileMode::owner_only));
  EXPECT_EQ(code_of(rotation().prepare(admin(), kLine, "")), "keys.exist");
  fs::remove(file);
  EXPECT_EQ(code_of(rotation().prepare(admin(), kLine, "")), "ok");
}

/// Law 10.
TEST_F(Rotating, StopsWithoutAnAuditRecord) {
  bring_to(CaState::prepared);
  ASSERT_TRUE(raw().run("DELETE FROM audit WHERE sequence = (SELECT MAX(sequence) FROM audit)"));
  EXPECT_EQ(code_of(rotation().distribute(admin(), kNext)), "audit.broken");
  EXPECT_EQ(state_of(kNext), "prepared");
  EXPECT_EQ(code_of(rotation().prepare(admin(), "uat-signing", "")), "audit.broken");
  EXPECT_FALSE(fs::exists(key_file(DataFolder(folder()).keys(), "uat-signing-2"))) << "no key without its record";
  EXPECT_EQ(code_of(rotation().withdraw(admin(), kLine, "lost")), "audit.broken");
  EXPECT_EQ(state_of(kLine), "active");
}

TEST_F(Rotating, GivesUpAndBeginsAgain) {
  bring_to(CaState::prepared);
  ASSERT_TRUE(settle(rotation().cancel(admin(), kNext)));
  EXPECT_EQ(rotation().prepare(admin(), kLine, "p384").value(), "production-transport-3") << "no name twice";
  ASSERT_TRUE(settle(rotation().cancel(admin(), "production-transport-3")));
  EXPECT_EQ(rotation().prepare(admin(), kLine, "").value(), "production-transport-4");
  EXPECT_EQ(code_of(rotation().prepare(admin(), kLine, "dsa")), "key.unknown_kind");
}

TEST_F(Rotating, EndsAllOfACompromisedOneAtOnce) {
  const Issued old = enrol();
  bring_to(CaState::active);
  const Issued fresh = enrol();
  const auto withdrawn = rotation().withdraw(admin(), kLine, "the backup tape was lost");
  ASSERT_TRUE(withdrawn) << base::to_string(withdrawn.error());
  EXPECT_EQ(*withdrawn, 1);
  ASSERT_TRUE(authority().refresh());
  EXPECT_EQ(judge(old.certificate, certificate_of(kLine)), "issuer_withdrawn");
  EXPECT_EQ(judge(fresh.certificate, certificate_of(kNext)), "ok");
  EXPECT_EQ(raw().ask("SELECT revoked_for FROM certificates WHERE serial = '" + old.certificate.serial().hex() + "'"),
            "ca_compromise");
  EXPECT_EQ(*rotation().withdraw(admin(), kLine, "again"), 0) << "once";
  // Whatever else it signed, listed or not.
  reopen();
  EXPECT_EQ(judge(old.certificate, certificate_of(kLine)), "issuer_withdrawn");
}

TEST_F(Rotating, TellsTheStatusOfWhatItWithdrew) {
  const Issued old = enrol();
  ASSERT_TRUE(authority().status().open(status_urls()));
  bring_to(CaState::active);
  ASSERT_TRUE(authority().status().follow());
  EXPECT_TRUE(authority().status().is_behind()) << "the new one has no CRL yet";
  EXPECT_TRUE(authority().status().lacks_responders());
  const auto find = [&] {
    const auto snapshot = authority().status().published().take();
    for (const auto& ca : snapshot->cas)
      if (ca->name == kLine) return ca->book.find(*to_octets(old.certificate.serial().magnitude()));
    return std::optional<CertificateStatus>();
  };
  ASSERT_TRUE(find());
  EXPECT_FALSE(find()->revoked);
  ASSERT_TRUE(rotation().withdraw(admin(), kLine, "lost"));
  ASSERT_TRUE(authority().refresh());
  ASSERT_TRUE(authority().status().follow());
  ASSERT_TRUE(find());
  EXPECT_TRUE(find()->revoked);
  EXPECT_EQ(find()->reason, x509::CrlReason::ca_compromise);
}

TEST_F(Rotating, KeepsItselfReachable) {
  EXPECT_EQ(code_of(rotation().withdraw(admin(), "internal", "lost")), "operator.last");
  bring_to(CaState::active, "internal");
  EXPECT_EQ(code_of(rotation().withdraw(admin(), "internal", "lost")), "operator.last") << "all operators are of it";
  ASSERT_TRUE(authority().make_new_operator());
  EXPECT_EQ(code_of(rotation().withdraw(admin(), "internal", "lost")), "ca.serves_us");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(*authority().provide_server_certificate(), Provision::made_now) << "by the one that issues now";
  EXPECT_EQ(code_of(rotation().withdraw(admin(), "internal", "lost")), "ok");
  reopen();
}

}  // namespace
}  // namespace countersign::authority
