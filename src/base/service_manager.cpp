#include "base/service_manager.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace countersign::base {

ServiceManager ServiceManager::of_environment() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  return ServiceManager(socket == nullptr ? "" : socket);
}

void ServiceManager::ready(int process) const { tell("READY=1\nMAINPID=" + std::to_string(process)); }

/// Type=notify-reload wants to know when (sd_notify(3), MONOTONIC_USEC).
void ServiceManager::reloading() const {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long long micros = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros));
}

void ServiceManager::stopping() const { tell("STOPPING=1"); }

void ServiceManager::main_process_is(int process) const { tell("MAINPID=" + std::to_string(process)); }

void ServiceManager::tell(std::string_view state) const {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  (void)::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 length);
  ::close(descriptor);
}

}  // namespace countersign::base
