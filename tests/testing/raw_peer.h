// The other end of a connection, by hand: it acts at once and not by a loop, and does what no socket of ours does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testing/connect_to.h"

namespace countersign::testing {

class RawPeer {
 public:
  /// Of what listens at that port of this machine.
  explicit RawPeer(std::uint16_t port) : descriptor_(connect_to(port)) {}
  ~RawPeer() { close(); }
  RawPeer(const RawPeer&) = delete;
  int descriptor() const { return descriptor_; }

  void send(std::string_view text) const {
    EXPECT_EQ(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT),
              static_cast<ssize_t>(text.size()));
  }
  void send_urgent(char byte) const { EXPECT_EQ(::send(descriptor_, &byte, 1, MSG_OOB), 1); }
  void half_close() const { EXPECT_EQ(::shutdown(descriptor_, SHUT_WR), 0); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  /// Reads all that is there now, or no more than `most`; how much that was.
  std::size_t drain(std::size_t most = SIZE_MAX) const {
    std::vector<char> buffer(std::min<std::size_t>(most, 1 << 20));
    std::size_t all = 0;
    while (all < most) {
      const ssize_t got = ::recv(descriptor_, buffer.data(), std::min(buffer.size(), most - all), MSG_DONTWAIT);
      if (got <= 0) break;
      all += static_cast<std::size_t>(got);
    }
    return all;
  }

 private:
  int descriptor_;
};

}  // namespace countersign::testing
