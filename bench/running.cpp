#include "running.h"

#include <cstdio>

#include "base/check.h"
#include "base/files.h"

namespace countersign::bench {
namespace {

using namespace authority;

constexpr const char* kPassphrase = "a passphrase of a benchmark";
constexpr std::size_t kRowsAtOnce = 500;

net::Task<void> stop_after(net::Loop& loop, net::Task<void> task) {
  co_await std::move(task);
  loop.stop();
}

base::Identity application(std::size_t number) {
  const std::size_t organisation = number % kOrganisations;
  const std::size_t name = number / kOrganisations % kApplications;
  return base::Identity::from_urn("urn:countersign:production:bench" + std::to_string(organisation) + ":app" +
                                  std::to_string(name))
      .value();
}

void add_applications(Authority& authority) {
  const Actor actor{"urn:countersign:internal:operator:admin"};
  for (int i = 0; i < kOrganisations; ++i)
    BASE_CHECK(authority.directory()
                   .create_organisation(actor, base::Slug::parse("bench" + std::to_string(i)).value(), "Of a benchmark")
                   .has_value());
  for (int i = 0; i < kOrganisations * kApplications; ++i)
    BASE_CHECK(authority.directory()
                   .create_application(actor, {application(static_cast<std::size_t>(i)), "", {}})
                   .has_value());
}

}  // namespace

Running::Running(StepObserver& observer)
    : observer_(observer), sink_(base::stderr_sink()), log_({"bench", base::Level::error}, clock_, *sink_) {
  start();
  add_applications(*authority_);
}

Running::~Running() { stop(); }

testing::RawRegistry Running::raw() const { return testing::RawRegistry(DataFolder(data()).registry()); }

void Running::start() {
  Settings settings;
  settings.provider = "Bench";
  settings.data = data();
  settings.api = settings.internal = {"127.0.0.1", 0};
  settings.server_names = {"localhost"};
  if (testing::on_postgresql()) {
    BASE_CHECK(base::make_folder(settings.data).has_value());
    settings.registry = testing::registry_at(DataFolder(settings.data).registry());
  }
  const auto urls = StatusUrls::parse("http://pki.example").value();
  const base::Secret passphrase{std::string_view(kPassphrase)};
  loop_ = std::make_unique<net::Loop>();
  bell_ = std::make_unique<FeedBell>(*loop_);
  auto opened = Authority::open(settings, passphrase, {clock_, random_, log_, observer_, *bell_, urls});
  if (!opened) std::fprintf(stderr, "%s\n", base::to_string(opened.error()).c_str()), std::exit(1);
  authority_ = std::move(*opened);
  worker_ = std::make_unique<net::Worker>();
  service_ = Service::make(settings, parts(), *bell_).value();
  keeper_ = std::make_unique<StatusKeeper>(StatusKeeper::Parts{*authority_, *loop_, *worker_, *bell_, log_});
  BASE_CHECK(keeper_->open(urls).has_value());
  service_->start();
  net::spawn(*loop_, keeper_->run(), "status.keeper", log_);
}

void Running::stop() {
  run(service_->drain());
  // As they go in the program: what is suspended still dies with the loop, last.
  keeper_.reset();
  service_.reset();
  worker_.reset();
  authority_.reset();
  bell_.reset();
  loop_.reset();
}

double Running::restart() {
  stop();
  const auto began = std::chrono::steady_clock::now();
  start();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

void Running::run(net::Task<void> task) {
  net::spawn(*loop_, stop_after(*loop_, std::move(task)), "bench", log_);
  loop_->run();
}

std::vector<std::string> prepare_orders(Running& running, std::size_t count) {
  crypto::SystemRandom random;
  const base::Instant now = running.authority().clock().now();
  const std::string from = std::to_string(now.micros);
  const std::string until = std::to_string((now + std::chrono::hours(24)).micros);
  auto raw = running.raw();
  std::vector<std::string> bodies;
  std::string codes;
  std::string redemptions;
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = EnrolmentCode::generate(random).value();
    const auto key = crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value();
    bodies.push_back(
        base::json::serialize(base::json::object{{"code", code.text().reveal_text()},
                                                 {"purpose", "transport"},
                                                 {"csr", x509::Csr::make_pem(key, {"bench", "", ""}).value()}}));
    const base::Identity of = application(i);
    const std::string comma = codes.empty() ? "" : ",";
    codes += comma + "('" + code.sha256() + "','production','" + of.organisation.text() + "','" +
             of.application.text() + "','operator'," + from + "," + until + ")";
    redemptions += comma + "('" + code.sha256() + "','transport')";
    if (i + 1 != count && (i + 1) % kRowsAtOnce != 0) continue;
    BASE_CHECK(
        raw.run("INSERT INTO enrolment_codes (code_sha256, environment, organisation, application, created_by,"
                " created_at, expires_at) VALUES " +
                std::exchange(codes, "")));
    BASE_CHECK(raw.run("INSERT INTO redemptions (code_sha256, purpose) VALUES " + std::exchange(redemptions, "")));
  }
  return bodies;
}

}  // namespace countersign::bench
