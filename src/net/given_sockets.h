// Sockets that whoever started this process opened for it (systemd's socket activation, sd_listen_fds(3)): they are
// open before it, and stay open between it and the next one.
#pragma once

#include <string>
#include <vector>

#include "net/listen_socket.h"

namespace countersign::net {

struct GivenSocket {
  std::string name;  ///< FileDescriptorName= of the unit; empty where none was said
  ListenSocket socket;
};

/// What the starting process says, as it stands in the environment; null: it says nothing.
struct GivenBy {
  const char* process = nullptr;      ///< LISTEN_PID: whom it is meant for
  const char* descriptors = nullptr;  ///< LISTEN_FDS: how many
  const char* names = nullptr;        ///< LISTEN_FDNAMES: separated by colons
};
/// sd-daemon.h: SD_LISTEN_FDS_START.
inline constexpr int kFirstGiven = 3;
inline constexpr int kMostGiven = 256;

/// Owns the descriptors from `first` on. None where nothing is said, or it is meant for another process than `process`.
/// Fails: `net.given_sockets` for what is no number or too many, `net.not_listening`.
base::Result<std::vector<GivenSocket>> given_sockets(const GivenBy& said, int process, int first = kFirstGiven);

/// Those of this process, taken out of its environment: what it starts is not meant. Once, while there is one
/// thread. Fails: as given_sockets().
base::Result<std::vector<GivenSocket>> take_given_sockets();

}  // namespace countersign::net
