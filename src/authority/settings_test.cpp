// What is read from outside before the first connection: settings, passphrase, server names; and how paths find routes.
#include "authority/settings.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "authority/api/routes.h"
#include "authority/registry/server_names.h"
#include "authority/secrets/passphrase.h"
#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/seeded_random.h"

namespace countersign::authority {
namespace {

using testing::code_of;
using testing::Folder;

base::Result<Settings> read(const std::string& text) {
  auto document = base::ConfigSection::parse(text, "test");
  EXPECT_TRUE(document);
  return Settings::read(*document, "/srv/cs");
}

TEST(Settings, HaveDefaults) {
  const auto settings = read("");
  ASSERT_TRUE(settings) << base::to_string(settings.error());
  EXPECT_EQ(settings->data, "/srv/cs/authority");
  EXPECT_EQ(settings->api.to_string(), "127.0.0.1:9443");
  EXPECT_EQ(settings->internal.to_string(), "127.0.0.1:9444");
  EXPECT_EQ(settings->status_listen.to_string(), "127.0.0.1:9080");
  EXPECT_TRUE(settings->status_url.empty());
  EXPECT_EQ(settings->server_names, (std::vector<std::string>{"localhost", "127.0.0.1"}));
  EXPECT_EQ(settings->policy.rules_for(base::Environment::uat, trust::Purpose::transport).life,
            std::chrono::hours(24 * 350));
  EXPECT_TRUE(settings->passphrase_file.empty());
  EXPECT_FALSE(settings->registry);
}

TEST(Settings, NameEveryMistake) {
  struct Row {
    const char* name;
    const char* text;
    const char* code;
  };
  for (const Row& row :
       {Row{"others' sections", "[gateway]\nx = 1\n[ehi]\ny = 2", "ok"},
        Row{"unknown key", "[authority]\ndate = 'x'", "config.unknown_key"},
        Row{"unknown section", "[authroity]", "config.unknown_key"},
        Row{"no address", "[authority]\napi = 'here'", "config.endpoint"},
        Row{"too long a life", "[authority]\ncertificate_life = '900d'", "config.value"},
        Row{"shortest life", "[authority]\ncertificate_life = '1h'", "ok"},
        Row{"status", "[authority]\nstatus_listen = '0.0.0.0:80'\nstatus_url = 'http://pki.example'", "ok"},
        Row{"status nowhere", "[authority]\nstatus_listen = '0.0.0.0:80'", "config.value"},
        Row{"status by https", "[authority]\nstatus_url = 'https://pki.example'", "config.value"},
        Row{"status with a query", "[authority]\nstatus_url = 'http://pki.example/?a'", "config.value"},
        Row{"no server name", "[authority]\nserver_names = []", "config.value"},
        Row{"a registry on PostgreSQL", "[authority]\nregistry = 'postgresql://localhost/x'", "ok"},
        Row{"a registry of another kind", "[authority]\nregistry = 'mysql://localhost/x'", "config.value"},
        Row{"a registry behind a plain network", "[authority]\nregistry = 'postgresql://db.example/x?sslmode=disable'",
            "config.value"},
        Row{"the same, wanted",
            "[authority]\nregistry = 'postgresql://db.example/x?sslmode=disable'\n"
            "danger_unverified_registry = true",
            "ok"},
        Row{"with what servers are checked",
            "[authority.ehi_checks]\nanchors = 'roots.pem'\ncredentials = 'ehi'\ntest_credentials = 'bad'\n"
            "danger_private_servers = true",
            "ok"},
        Row{"a network that they may not go to", "[authority.ehi_checks]\ndeny = ['2a01:db8::/32', '192.0.2.7']", "ok"},
        Row{"one that is none", "[authority.ehi_checks]\ndeny = ['2a01:db8::1/32']", "config.value"},
        Row{"one that webhooks may not go to", "[authority.notices]\nwebhook_deny = ['192.0.2.0/24']", "ok"},
        Row{"one of those that is none", "[authority.notices]\nwebhook_deny = ['example.com']", "config.value"},
        Row{"a key of those that there is not", "[authority.ehi_checks]\nanchor = 'roots.pem'", "config.unknown_key"},
        Row{"a path of those that is none", "[authority.ehi_checks]\ncredentials = 1", "config.type"},
        Row{"bad server name", "[authority]\nserver_names = ['a b']", "config.value"}})
    EXPECT_EQ(code_of(read(row.text)), row.code) << row.name;
}

TEST(Settings, ResolvePaths) {
  const auto settings = read("[authority]\ndata = 'x/../data/'\npassphrase_file = '/run/secret'");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->data, "/srv/cs/data");
  EXPECT_EQ(settings->passphrase_file, "/run/secret");
  EXPECT_FALSE(settings->ehi_checks) << "off unless it is asked for";
  const auto plain = read("[authority.ehi_checks]");
  ASSERT_TRUE(plain && plain->ehi_checks);
  EXPECT_EQ(plain->ehi_checks->credentials, "");
  EXPECT_EQ(plain->ehi_checks->addresses.reach, courier::Reach::public_only);
  const auto checks = read(
      "[authority.ehi_checks]\ncredentials = 'x/../ehi/'\ndeny = ['2a01:db8::/32']\ndanger_private_servers = true");
  ASSERT_TRUE(checks && checks->ehi_checks);
  EXPECT_EQ(checks->ehi_checks->credentials, "/srv/cs/ehi");
  EXPECT_EQ(checks->ehi_checks->addresses.reach, courier::Reach::anywhere);
  EXPECT_EQ(checks->ehi_checks->addresses.deny.at(0).text(), "2a01:db8::/32");
}

TEST(Passphrase, ComesFromTheFirstSourceThereIs) {
  const Folder folder;
  testing::SeededRandom random(3);
  const auto write = [](const std::filesystem::path& file, const char* text) {
    ASSERT_TRUE(base::write_file(file, text, base::FileMode::owner_only));
  };
  write(folder / "countersign-passphrase", "from systemd\n");
  write(folder / "configured", "from a file\r\n");
  write(folder / "beside", "beside the keys\n");
  struct Row {
    const char* name;
    PassphraseSources sources;
    std::string passphrase;
  };
  const auto beside = folder / "beside";
  const Row rows[] = {
      {"environment", {"from the environment", folder.path(), folder / "configured", beside}, "from the environment"},
      {"systemd", {std::nullopt, folder.path(), folder / "configured", beside}, "from systemd"},
      {"configured", {std::nullopt, {}, folder / "configured", beside}, "from a file"},
      {"another credential directory", {std::nullopt, folder / "other", folder / "configured", beside}, "from a file"},
      {"beside", {std::nullopt, {}, {}, beside}, "beside the keys"},
  };
  for (const Row& row : rows) {
    const auto found = find_passphrase(row.sources, random);
    ASSERT_TRUE(found) << row.name;
    EXPECT_EQ(found->secret.reveal_text(), row.passphrase) << row.name;
    EXPECT_EQ(found->lies_beside_keys, row.passphrase == "beside the keys") << row.name;
  }
}

TEST(Passphrase, IsMadeOnlyBeforeThereAreKeys) {
  const Folder folder;
  testing::SeededRandom random(3);
  PassphraseSources sources;
  sources.file_beside_keys = folder / "data/passphrase";
  EXPECT_EQ(code_of(find_passphrase(sources, random)), "passphrase.unreadable");
  sources.may_make_file = true;
  const auto made = find_passphrase(sources, random);
  ASSERT_TRUE(made) << base::to_string(made.error());
  EXPECT_GE(made->secret.reveal().size(), 40U);
  struct stat status {};
  ASSERT_EQ(::stat(sources.file_beside_keys.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(find_passphrase(sources, random)->secret.reveal_text(), made->secret.reveal_text());
}

TEST(Passphrase, IsNeverEmptyOrGuessed) {
  const Folder folder;
  testing::SeededRandom random(3);
  ASSERT_TRUE(base::write_file(folder / "empty", "\n", base::FileMode::owner_only));
  EXPECT_EQ(code_of(find_passphrase({"", {}, {}, folder / "beside", true}, random)), "passphrase.empty");
  EXPECT_EQ(code_of(find_passphrase({std::nullopt, {}, folder / "empty", folder / "beside", true}, random)),
            "passphrase.empty");
  const std::string long_one(base::kPassphraseLimit, 'x');
  EXPECT_EQ(code_of(find_passphrase({long_one, {}, {}, folder / "beside", true}, random)), "ok");
  EXPECT_EQ(code_of(find_passphrase({long_one + "x", {}, {}, folder / "beside", true}, random)), "passphrase.too_long");
  EXPECT_FALSE(std::filesystem::exists(folder / "beside"));
  EXPECT_EQ(code_of(find_passphrase({std::nullopt, {}, folder / "gone", folder / "beside", true}, random)),
            "passphrase.unreadable");
}

TEST(ServerNames, AreHostNamesOrAddressesInOneSpelling) {
  struct Row {
    const char* text;
    const char* name;  ///< "" where refused
  };
  for (const Row& row :
       {Row{"localhost", "localhost"}, Row{"API.Example.COM", "api.example.com"}, Row{"127.0.0.1", "127.0.0.1"},
        Row{"::1", "::1"}, Row{"0:0:0:0:0:0:0:1", "::1"}, Row{"*.example.com", "*.example.com"}, Row{"*.com", ""},
        Row{"*", ""}, Row{"a*.example.com", ""}, Row{"", ""}, Row{"a b", ""}, Row{"-a.example", ""},
        Row{"a..example", ""}, Row{"example.com.", ""}, Row{"https://example.com", ""}, Row{"example.com:443", ""},
        Row{"1.2.3", ""}, Row{"999.1.1.1", ""}, Row{"xn--bcher-kva.example", "xn--bcher-kva.example"}}) {
    const auto parsed = parse_server_names({row.text});
    EXPECT_EQ(parsed ? parsed->front() : "", row.name) << row.text;
  }
  EXPECT_EQ(parse_server_names({"a.example", "A.example"})->size(), 1U);
  EXPECT_EQ(code_of(parse_server_names(std::vector<std::string>(kServerNameLimit, "a.example"))), "ok");
  EXPECT_EQ(code_of(parse_server_names(std::vector<std::string>(kServerNameLimit + 1, "a.example"))),
            "server_name.too_many");
}

TEST(Routes, AreFoundByMethodAndPath) {
  const std::vector<Route> routes = all_routes();
  struct Row {
    const char* method;
    const char* path;
    const char* found;  ///< the pattern, or the code
    std::vector<std::string> arguments;
  };
  const Row rows[] = {
      {"GET", "/v1/health", "/v1/health", {}},
      {"HEAD", "/v1/health", "/v1/health", {}},
      {"POST", "/v1/health", "api.method_not_allowed", {}},
      {"GET", "/v1/organisations", "/v1/organisations", {}},
      {"POST", "/v1/organisations/acme/suspend", "/v1/organisations/{organisation}/suspend", {"acme"}},
      {"POST", "/v1/organisations//suspend", "api.no_such_path", {}},
      {"POST", "/v1/organisations/a/b/suspend", "api.no_such_path", {}},
      {"GET", "/v1/certificates/0a1b", "/v1/certificates/{serial}", {"0a1b"}},
      {"GET", "/v1/certificates/", "api.no_such_path", {}},
      {"GET", "/v1/health/", "api.no_such_path", {}},
      {"GET", "/", "api.no_such_path", {}},
      {"GET", "", "api.no_such_path", {}},
      {"POST",
       "/v1/applications/uat/acme/pay/enrolment-codes",
       "/v1/applications/{environment}/{organisation}/{application}/enrolment-codes",
       {"uat", "acme", "pay"}},
  };
  for (const Row& row : rows) {
    const auto match = find_route(routes, row.method, row.path);
    EXPECT_EQ(match ? std::string(match->route->pattern) : match.error().code, row.found)
        << row.method << " " << row.path;
    if (match) {
      EXPECT_EQ(match->arguments, row.arguments) << row.path;
    }
  }
}

}  // namespace
}  // namespace countersign::authority
