// DescriptorChannel: messages with open descriptors, between two processes of one user on one machine (a Unix socket,
// SCM_RIGHTS, unix(7)). By it a process hands its listening sockets to the one that follows it.
//
// Both ends are of the same user, or there is no channel: whoever gets our sockets speaks in our name. Lives on one
// loop.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "net/socket.h"

namespace countersign::net {

/// An open descriptor; closed with it.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int descriptor) : descriptor_(descriptor) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OwnedDescriptor();
  int value() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

class DescriptorChannel {
 public:
  static constexpr std::size_t kMessageBytes = 4096;
  static constexpr std::size_t kDescriptors = 64;  ///< in one message

  /// Fails: `net.nobody` (Kind::not_found) where no process listens there, `net.stranger` (Kind::denied) where it is of
  /// another user, `net.connect`.
  static base::Result<DescriptorChannel> connect(Loop& loop, const std::filesystem::path& path);

  struct Message {
    std::string text;
    std::vector<OwnedDescriptor> descriptors = {};
  };
  /// The next message, whole. Fails: `net.closed` at its end, `net.timeout`, `net.malformed` for one that is too long.
  Task<base::Result<Message>> receive(Deadline deadline);
  /// `descriptors` are borrowed until it ends. Fails: `net.closed`, `net.timeout`.
  Task<base::Result<void>> send(std::string text, std::vector<int> descriptors, Deadline deadline);

 private:
  friend class DescriptorDoor;
  explicit DescriptorChannel(std::shared_ptr<Socket::Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Socket::Impl> impl_;
};

/// Where channels are accepted: a path, of mode 0600, that takes the place of what lay there.
class DescriptorDoor {
 public:
  /// Fails: `net.listen`.
  static base::Result<DescriptorDoor> open(Loop& loop, const std::filesystem::path& path);
  DescriptorDoor(DescriptorDoor&&) noexcept = default;
  ~DescriptorDoor();

  /// The next one of our own user; others are closed and passed over. Fails: `net.closed` after close().
  Task<base::Result<DescriptorChannel>> accept();
  /// A pending accept() ends. The path goes, unless another process has put its own there.
  void close();

 private:
  struct Place;
  explicit DescriptorDoor(std::shared_ptr<Place> place) : place_(std::move(place)) {}
  std::shared_ptr<Place> place_;  ///< shared with a pending accept()
};

}  // namespace countersign::net
