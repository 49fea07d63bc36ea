#include "net/given_sockets.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <unistd.h>

namespace countersign::net {
namespace {

constexpr const char* kProcess = "LISTEN_PID";
constexpr const char* kDescriptors = "LISTEN_FDS";
constexpr const char* kNames = "LISTEN_FDNAMES";

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// The next name, taken off `names`.
std::string take_name(std::string_view& names) {
  const std::size_t end = std::min(names.find(':'), names.size());
  std::string name(names.substr(0, end));
  names.remove_prefix(std::min(end + 1, names.size()));
  return name;
}

}  // namespace

base::Result<std::vector<GivenSocket>> given_sockets(const GivenBy& said, int process, int first) {
  std::vector<GivenSocket> given;
  if (said.process == nullptr || said.descriptors == nullptr || number_in(said.process) != process) return given;
  const auto count = number_in(said.descriptors);
  if (!count || *count > kMostGiven)
    return base::fail(base::Kind::invalid, "net.given_sockets",
                      "LISTEN_FDS is '" + std::string(said.descriptors).substr(0, 32) +
                          "': whoever starts this program must give at most " + std::to_string(kMostGiven) +
                          " sockets");
  std::string_view names = said.names == nullptr ? "" : said.names;
  for (int i = 0; i < *count; ++i) {
    std::string name = take_name(names);
    BASE_TRY(auto socket, ListenSocket::adopt(first + i));
    given.push_back({std::move(name), std::move(socket)});
  }
  return given;
}

base::Result<std::vector<GivenSocket>> take_given_sockets() {
  const GivenBy said{std::getenv(kProcess), std::getenv(kDescriptors), std::getenv(kNames)};
  auto given = given_sockets(said, getpid());
  for (const char* const name : {kProcess, kDescriptors, kNames})
    ::unsetenv(name);
  return given;
}

}  // namespace countersign::net
