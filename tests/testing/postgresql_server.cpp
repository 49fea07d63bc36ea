#include "testing/postgresql_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

namespace countersign::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kRoom = 1024UL * 1024 * 1024;
constexpr auto kPatience = std::chrono::seconds(60);

/// The newest under /usr/lib/postgresql, as Debian has them.
fs::path find_programs() {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry("/usr/lib/postgresql", error), end; !error && entry != end; entry.increment(error))
    if (fs::exists(entry->path() / "bin" / "initdb")) found.push_back(entry->path() / "bin");
  if (!found.empty()) return *std::ranges::max_element(found);
  std::fputs("SKIPPED: no PostgreSQL under /usr/lib/postgresql (package postgresql)\n", stderr);
  std::_Exit(77);
}

fs::path make_folder() {
  std::error_code error;
  const fs::path memory = "/dev/shm";
  const bool has_room = fs::space(memory, error).available > kRoom && !error;
  std::string name = ((has_room ? memory : fs::temp_directory_path()) / "countersign-pg-XXXXXX").string();
  BASE_CHECK(::mkdtemp(name.data()) != nullptr);
  return name;
}

/// Whom the server runs as: it refuses to be root.
const passwd* find_user() {
  if (::geteuid() != 0) return nullptr;
  const passwd* user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

/// In the child: become that user, die with the test program, be silent.
void prepare_child(const passwd* user, const fs::path& log) {
  if (user != nullptr) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) std::_Exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (output < 0) std::_Exit(126);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
}

}  // namespace

PostgresqlServer& PostgresqlServer::shared() {
  static PostgresqlServer server;
  return server;
}

PostgresqlServer::PostgresqlServer() : programs_(find_programs()), folder_(make_folder()) {
  if (const passwd* user = find_user(); user != nullptr)
    BASE_CHECK(::chown(folder_.c_str(), user->pw_uid, user->pw_gid) == 0);
  // A collation that is not that of bytes, so that a statement that leans on the database's own shows.
  const pid_t made =
      spawn("initdb", {"-D", (folder_ / "data").string(), "-U", "tester", "-A", "trust", "-N", "--encoding=UTF8",
                       "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"});
  int status = 0;
  BASE_CHECK(::waitpid(made, &status, 0) == made);
  BASE_CHECK(status == 0);
  std::ofstream(folder_ / "data" / "postgresql.auto.conf", std::ios::app)
      << "listen_addresses = ''\nunix_socket_directories = '" << folder_.string()
      << "'\nshared_buffers = 16MB\nmax_connections = 60\nmax_wal_size = 64MB\nautovacuum = off\n";
  start();
}

PostgresqlServer::~PostgresqlServer() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

pid_t PostgresqlServer::spawn(const std::string& program, const std::vector<std::string>& arguments) const {
  std::string path = (programs_ / program).string();
  std::vector<std::string> words = arguments;
  std::vector<char*> argv = {path.data()};
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const passwd* user = find_user();
  const pid_t child = ::fork();
  BASE_CHECK(child >= 0);
  if (child > 0) return child;
  prepare_child(user, folder_ / "log");
  if (::chdir(folder_.c_str()) == 0) ::execv(path.c_str(), argv.data());
  std::_Exit(127);
}

std::string PostgresqlServer::uri(const std::string& database) const {
  return "postgresql:///" + database + "?user=tester&host=" + folder_.string();
}

bool PostgresqlServer::answers() const { return PQping(uri("postgres").c_str()) == PQPING_OK; }

void PostgresqlServer::start() {
  BASE_CHECK(running_ < 0);
  running_ = spawn("postgres", {"-D", (folder_ / "data").string()});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!answers()) {
    BASE_CHECK(std::chrono::steady_clock::now() < deadline);
    BASE_CHECK(::waitpid(running_, nullptr, WNOHANG) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void PostgresqlServer::stop() {
  if (running_ < 0) return;
  ::kill(running_, SIGQUIT);
  ::waitpid(running_, nullptr, 0);
  running_ = -1;
}

}  // namespace countersign::testing
