#include "net/descriptor_channel.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/socket_impl.h"
#include "net/system.h"

namespace countersign::net {
namespace {

constexpr base::Duration kForEver = std::chrono::hours(24);
constexpr base::Duration kBackOff = std::chrono::milliseconds(50);
constexpr int kWaitingChannels = 4;

tl::unexpected<base::Error> failed(const char* code, const std::filesystem::path& path, const std::string& why) {
  return base::fail(base::Kind::unavailable, code, "'" + path.string() + "': " + why);
}

/// The path as the kernel wants it; empty when it is too long for it.
std::optional<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

const sockaddr* as_address(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

/// Is the process at the other end one of ours (SO_PEERCRED: as it was when it connected or began to listen)?
bool is_of_our_user(int descriptor) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

OwnedDescriptor open_unix() {
  return OwnedDescriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

union Control {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int) * DescriptorChannel::kDescriptors)> bytes;
};

std::vector<OwnedDescriptor> take_descriptors(msghdr& header) {
  std::vector<OwnedDescriptor> taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
      taken.emplace_back(descriptor);
    }
  }
  return taken;
}

struct Received {
  bool again = false;  ///< nothing is there yet
  bool whole = true;
  std::string text = {};  ///< empty: the channel is at its end
  std::vector<OwnedDescriptor> descriptors = {};
};

Received receive_now(int descriptor) {
  Received received;
  received.text.resize(DescriptorChannel::kMessageBytes);
  Control control = {};
  iovec part{received.text.data(), received.text.size()};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  const ssize_t count = ::recvmsg(descriptor, &header, MSG_CMSG_CLOEXEC);
  received.again = count < 0 && (errno == EAGAIN || errno == EINTR);
  received.text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count < 0) return received;
  received.descriptors = take_descriptors(header);
  received.whole = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  return received;
}

/// 0, or why not.
int send_now(int descriptor, std::string& text, const std::vector<int>& descriptors) {
  Control control = {};
  iovec part{text.data(), text.size()};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const std::size_t bytes = sizeof(int) * descriptors.size();
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(rights), descriptors.data(), bytes);
  }
  return ::sendmsg(descriptor, &header, MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

}  // namespace

OwnedDescriptor::~OwnedDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<DescriptorChannel> DescriptorChannel::connect(Loop& loop, const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return failed("net.connect", path, "too long for the path of a socket");
  OwnedDescriptor socket = open_unix();
  if (socket.value() < 0) return failed("net.connect", path, system_message(errno));
  if (::connect(socket.value(), as_address(*address), sizeof *address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return base::fail(base::Kind::not_found, "net.nobody", "nobody listens at '" + path.string() + "'");
    return failed("net.connect", path, system_message(errno));
  }
  if (!is_of_our_user(socket.value()))
    return base::fail(base::Kind::denied, "net.stranger",
                      "a process of another user listens at '" + path.string() + "'");
  auto impl = Socket::Impl::adopt(loop, socket.release(), {});
  if (impl == nullptr) return failed("net.connect", path, system_message(errno));
  return DescriptorChannel(std::move(impl));
}

Task<base::Result<DescriptorChannel::Message>> DescriptorChannel::receive(Deadline deadline) {
  const auto impl = impl_;
  for (;;) {
    Received received = receive_now(impl->descriptor());
    if (received.again) {
      BASE_CO_TRY_VOID(co_await Socket::Impl::wait(impl, Socket::Ready::read, deadline));
      continue;
    }
    if (!received.whole)
      co_return base::fail(base::Kind::invalid, "net.malformed", "a message of the other process is too long");
    if (received.text.empty())
      co_return base::fail(base::Kind::unavailable, "net.closed", "the other process closed the channel");
    co_return Message{std::move(received.text), std::move(received.descriptors)};
  }
}

Task<base::Result<void>> DescriptorChannel::send(std::string text, std::vector<int> descriptors, Deadline deadline) {
  const auto impl = impl_;
  for (;;) {
    const int error = send_now(impl->descriptor(), text, descriptors);
    if (error == 0) co_return base::Result<void>();
    if (error != EAGAIN && error != EINTR)
      co_return base::fail(base::Kind::unavailable, "net.closed",
                           "the other process is gone: " + system_message(error));
    BASE_CO_TRY_VOID(co_await Socket::Impl::wait(impl, Socket::Ready::write, deadline));
  }
}

struct DescriptorDoor::Place {
  Place(Loop& l, std::shared_ptr<Socket::Impl> i, std::filesystem::path p)
      : loop(l), impl(std::move(i)), path(std::move(p)) {}
  Loop& loop;
  std::shared_ptr<Socket::Impl> impl;
  std::filesystem::path path;
  dev_t device = 0;
  ino_t inode = 0;
  bool closed = false;
};

/// Bound beside and renamed: at no moment is there nobody at the path, and whoever may not connect never could.
base::Result<DescriptorDoor> DescriptorDoor::open(Loop& loop, const std::filesystem::path& path) {
  const std::filesystem::path beside = path.string() + "." + std::to_string(getpid());
  const auto address = address_of(beside);
  if (!address) return failed("net.listen", path, "too long for the path of a socket");
  OwnedDescriptor socket = open_unix();
  ::unlink(beside.c_str());
  struct stat made {};
  const bool ready = socket.value() >= 0 && ::bind(socket.value(), as_address(*address), sizeof *address) == 0 &&
                     ::chmod(beside.c_str(), S_IRUSR | S_IWUSR) == 0 &&
                     ::listen(socket.value(), kWaitingChannels) == 0 && ::stat(beside.c_str(), &made) == 0 &&
                     ::rename(beside.c_str(), path.c_str()) == 0;
  if (!ready) {
    const int error = errno;
    ::unlink(beside.c_str());
    return failed("net.listen", path, system_message(error));
  }
  auto impl = Socket::Impl::adopt(loop, socket.release(), {});
  if (impl == nullptr) return failed("net.listen", path, system_message(errno));
  auto place = std::make_shared<Place>(loop, std::move(impl), path);
  place->device = made.st_dev;
  place->inode = made.st_ino;
  return DescriptorDoor(std::move(place));
}

DescriptorDoor::~DescriptorDoor() { close(); }

void DescriptorDoor::close() {
  if (place_ == nullptr || std::exchange(place_->closed, true)) return;
  place_->impl->abort();
  struct stat there {};
  const bool ours =
      ::stat(place_->path.c_str(), &there) == 0 && there.st_dev == place_->device && there.st_ino == place_->inode;
  if (ours) ::unlink(place_->path.c_str());
}

Task<base::Result<DescriptorChannel>> DescriptorDoor::accept() {
  const auto place = place_;
  while (!place->closed) {
    OwnedDescriptor accepted(::accept4(place->impl->descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.value() < 0) {
      if (errno != EAGAIN) co_await sleep_until(Deadline::after(kBackOff));  // descriptors have run out
      (void)co_await Socket::Impl::wait(place->impl, Socket::Ready::read, Deadline::after(kForEver));
      continue;
    }
    if (!is_of_our_user(accepted.value())) continue;
    auto impl = Socket::Impl::adopt(place->loop, accepted.release(), {});
    if (impl != nullptr) co_return DescriptorChannel(std::move(impl));
  }
  co_return base::fail(base::Kind::unavailable, "net.closed", "the door was closed");
}

}  // namespace countersign::net
