// Where a check connects, and what it says of the authority's own files. Loopback stands for both sides of the wall.
#include "authority/ehi/look.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"
#include "testing/pki.h"
#include "testing/run.h"

namespace countersign::authority {
namespace {

using courier::Reach;
using testing::code_of;

/// A socket that listens on 127.0.0.1, and tells how many came; nobody speaks to them.
class Door {
 public:
  Door() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
  }
  ~Door() { ::close(listener_); }
  Door(const Door&) = delete;
  int came() const {
    int count = 0;
    for (int visitor = ::accept(listener_, nullptr, nullptr); visitor >= 0; ++count) {
      ::close(visitor);
      visitor = ::accept(listener_, nullptr, nullptr);
    }
    return count;
  }
  std::uint16_t port = 0;

 private:
  int listener_;
};

net::Task<base::Result<std::vector<net::Endpoint>>> tell(std::vector<net::Endpoint> addresses) { co_return addresses; }

class LookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(base::write_file(folder_ / "roots.pem", pki_.provider_root().certificate.to_pem(),
                                 base::FileMode::world_readable));
    settings.anchors = folder_ / "roots.pem";
  }
  /// Of `host`, which leads to `addresses` for the one who looks it up first.
  base::Result<check::Report> look(const std::string& host, const std::vector<std::string>& addresses) {
    std::vector<net::Endpoint> endpoints;
    for (const std::string& address : addresses)
      endpoints.push_back({address, door.port});
    EhiLook look{.url = "https://" + host + ":" + std::to_string(door.port) + "/decide",
                 .environment = base::Environment::production,
                 .trust_chain = {},
                 .is_confirmed = true};
    look.network.own = own;
    look.network.resolve = [endpoints](net::Loop&, net::Endpoint, net::Deadline) { return tell(endpoints); };
    net::Loop loop;
    return look_at(settings, look, {loop, clock_, random_}, log.log());
  }

  Door door;
  EhiCheckSettings settings;
  net::Networks own;
  testing::KeptLog log;
  testing::Folder folder_;

 private:
  testing::Pki pki_;
  testing::FakeClock clock_{testing::kPkiNow};
  testing::SeededRandom random_{7};
};

TEST_F(LookTest, ConnectsToNobodyWhereOneAddressIsInside) {
  for (const auto& addresses : std::vector<std::vector<std::string>>{
           {"127.0.0.1"}, {"127.0.0.1", "1.1.1.1"}, {"127.0.0.1", "2606:4700::1111"}, {"10.0.0.1", "127.0.0.1"}}) {
    EXPECT_EQ(code_of(look("host.example", addresses)), "ehi_check.address");
    EXPECT_EQ(door.came(), 0) << addresses.size();
  }
  settings.addresses.reach = Reach::anywhere;
  EXPECT_EQ(code_of(look("host.example", {"127.0.0.1"})), "ok");
  EXPECT_GT(door.came(), 0);
}

TEST_F(LookTest, ConnectsToNobodyThatIsDeniedOrOurs) {
  settings.addresses.reach = Reach::anywhere;
  settings.addresses.deny = {net::Network::parse("127.0.0.0/24").value()};
  EXPECT_EQ(code_of(look("host.example", {"127.0.0.1"})), "ehi_check.address");
  EXPECT_EQ(door.came(), 0);
  settings.addresses.deny = {net::Network::parse("127.0.1.0/24").value()};
  EXPECT_EQ(code_of(look("host.example", {"127.0.0.2"})), "ok") << "nobody is there, and that is a finding";
  // Public addresses, and nobody is asked whether they are there: the machine is in their network.
  settings.addresses = {};
  own = {net::Network::parse("1.1.1.0/24").value()};
  EXPECT_EQ(code_of(look("host.example", {"1.1.1.1"})), "ehi_check.address");
}

/// Rebinding: "localhost" leads to 127.0.0.2, where nobody is, when it is looked up, and to the door whenever somebody
/// looks again.
TEST_F(LookTest, StaysWithTheAddressItFound) {
  settings.addresses.reach = Reach::anywhere;
  const auto report = look("localhost", {"127.0.0.2"});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->findings.front().severity, check::Severity::fail) << "nobody is there";
  EXPECT_EQ(door.came(), 0);
}

TEST_F(LookTest, TellsNobodyButTheLogOfTheAuthoritysFiles) {
  settings.addresses.reach = Reach::anywhere;
  ASSERT_TRUE(base::write_file(folder_ / "ehi-production.pem", "no certificate", base::FileMode::owner_only));
  std::filesystem::create_symlink(folder_ / "loop", folder_ / "loop");
  const auto path_in = [&](const std::string& text) { return text.find(folder_.path().string()) != std::string::npos; };
  for (const std::filesystem::path& unusable : {folder_ / "loop", folder_ / "roots.pem", folder_.path()}) {
    settings.credentials = unusable;
    const auto report = look("host.example", {"127.0.0.1"});
    ASSERT_EQ(code_of(report), "ehi_check.settings") << unusable;
    EXPECT_FALSE(path_in(base::to_string(report.error()))) << base::to_string(report.error());
    EXPECT_TRUE(path_in(log.lines().back()));
    EXPECT_EQ(door.came(), 0);
  }
  settings.credentials = folder_ / "none";  // that there is none is no failure
  EXPECT_EQ(code_of(look("host.example", {"127.0.0.2"})), "ok");
}

}  // namespace
}  // namespace countersign::authority
