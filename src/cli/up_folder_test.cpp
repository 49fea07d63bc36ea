// The data folder of `up`: who owns it, what becomes of long logs, and whose word counts in a first run.
#include "cli/up_folder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "testing/code_of.h"
#include "testing/folder.h"

namespace countersign::cli {
namespace {

namespace fs = std::filesystem;
using testing::code_of;
using testing::Folder;

TEST(LockDataFolder, OnlyOneIsGivenAndOnlyThatIsCalledRunning) {
  const Folder folder;
  {
    const auto first = lock_data_folder(folder.path());
    EXPECT_EQ(code_of(first), "ok");
    EXPECT_EQ(code_of(lock_data_folder(folder.path())), "up.running");
  }
  EXPECT_EQ(code_of(lock_data_folder(folder.path())), "ok");
  fs::remove(folder / "up.lock");
  fs::create_directory(folder / "up.lock");
  const auto refused = lock_data_folder(folder.path());
  EXPECT_EQ(code_of(refused), "file.unwritable");
  EXPECT_NE(refused.error().detail.find("Is a directory"), std::string::npos) << refused.error().detail;
}

TEST(Logs, OnlyTheLongOnesAreMovedAway) {
  const Folder folder;
  const auto log = [&](const std::string& name, std::uintmax_t size) {
    ASSERT_TRUE(base::write_file(folder / name, name, base::FileMode::owner_only));
    fs::resize_file(folder / name, size);
  };
  log("long.log", kLogLimit + 1);
  log("short.log", kLogLimit);
  log("long.log.1", 10);
  log("other.txt", kLogLimit + 1);
  ASSERT_EQ(code_of(rotate_logs(folder.path())), "ok");
  EXPECT_FALSE(fs::exists(folder / "long.log"));
  EXPECT_EQ(fs::file_size(folder / "long.log.1"), kLogLimit + 1);
  EXPECT_TRUE(fs::exists(folder / "short.log"));
  EXPECT_TRUE(fs::exists(folder / "other.txt"));
}

class FirstRun : public ::testing::Test {
 protected:
  FirstRun() { EXPECT_TRUE(base::make_folder(folder_ / "run")); }
  /// As `up` does it.
  std::string start(const UpSettings& asked) {
    const auto prepared = prepare_config(folder_.path(), asked);
    return prepared ? code_of(read_up_config(file_, asked)) : code_of(prepared);
  }
  UpSettings written() { return settings_in(file_).value(); }

  Folder folder_;
  fs::path file_ = folder_ / "countersign.toml";
};

TEST_F(FirstRun, OptionsOfARetryCountUntilEverythingWasReady) {
  EXPECT_EQ(start({.provider = "Bank", .gateway_port = 1}), "ok");
  EXPECT_EQ(start({.gateway_port = 2}), "ok");
  EXPECT_EQ(written().gateway_port, 2);
  EXPECT_EQ(written().provider, "Bank") << "what was asked before is forgotten";
  EXPECT_EQ(start({.provider = "Other", .upstream = "127.0.0.1:1"}), "ok");
  EXPECT_EQ(written().provider, "Other");
  EXPECT_EQ(written().upstream, "127.0.0.1:1");
  ASSERT_TRUE(end_first_run(folder_.path()));
  EXPECT_EQ(start({.gateway_port = 3}), "up.setting");
  EXPECT_EQ(start({.gateway_port = 2}), "ok");
}

TEST_F(FirstRun, TheProvidersNameStaysOnceThereAreKeys) {
  EXPECT_EQ(start({.provider = "Bank"}), "ok");
  ASSERT_TRUE(base::make_folder(folder_ / "authority" / "keys"));
  EXPECT_EQ(start({.provider = "Other"}), "up.setting");
  EXPECT_EQ(start({.provider = "Bank", .ehi_port = 5}), "ok");
  EXPECT_EQ(written().ehi_port, 5);
}

TEST_F(FirstRun, AnEditedFileIsNotTouched) {
  EXPECT_EQ(start({}), "ok");
  const std::string edited = base::read_file(file_).value() + "# mine\n";
  ASSERT_TRUE(base::write_file(file_, edited, base::FileMode::owner_only));
  EXPECT_EQ(start({.gateway_port = 2}), "up.setting");
  EXPECT_EQ(base::read_file(file_).value(), edited);
}

TEST_F(FirstRun, ABusyAddressIsNamedByKeyAndOption) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length), 0);
  const UpSettings asked{.api_port = 0,
                         .internal_port = 0,
                         .status_port = 0,
                         .gateway_port = 0,
                         .gateway_status_port = ::ntohs(at.sin_port),
                         .ehi_port = 0};
  ASSERT_EQ(start(asked), "ok");
  const UpConfig config = read_up_config(file_, asked).value();
  const std::string busy = busy_addresses(config, {"gateway"});
  EXPECT_NE(busy.find("gateway.status"), std::string::npos) << busy;
  EXPECT_NE(busy.find("--gateway-status-port"), std::string::npos) << busy;
  EXPECT_EQ(busy_addresses(config, {"authority"}), "");
  ::close(listener);
  EXPECT_EQ(busy_addresses(config, {"gateway"}), "");
}

}  // namespace
}  // namespace countersign::cli
