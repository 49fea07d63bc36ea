#include "base/files.h"

#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace countersign::base {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return fd_; }
  bool close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// Never grows, so that no copy of what it held is left behind.
struct WipedBuffer {
  explicit WipedBuffer(std::size_t size) : bytes(size) {}
  ~WipedBuffer() { explicit_bzero(bytes.data(), bytes.size()); }
  WipedBuffer(const WipedBuffer&) = delete;
  Bytes bytes;
};

tl::unexpected<Error> unreadable(const std::filesystem::path& path, int error) {
  const bool missing = error == ENOENT;
  return fail(missing ? Kind::not_found : Kind::unavailable, missing ? "file.not_found" : "file.unreadable",
              "cannot read '" + path.string() + "': " + std::strerror(error));
}

tl::unexpected<Error> too_large(const std::filesystem::path& path, std::size_t limit) {
  return fail(Kind::too_large, "file.too_large",
              "'" + path.string() + "' is larger than " + std::to_string(limit) + " bytes");
}

tl::unexpected<Error> unwritable(const std::filesystem::path& path, int error) {
  return fail(Kind::unavailable, "file.unwritable", "cannot write '" + path.string() + "': " + std::strerror(error));
}

tl::unexpected<Error> already_there(const std::filesystem::path& path) {
  return fail(Kind::conflict, "file.exists", "'" + path.string() + "' exists already and is not overwritten");
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  return path.string() + ".new." + std::to_string(::getpid());
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Behind the last '\n' of the first `size` bytes. Nothing, with errno set, when they cannot be read: whoever cuts off
/// what he cannot read loses whole lines.
std::optional<off_t> end_of_last_line(int fd, off_t size) {
  for (off_t end = size; end > 0;) {
    char last = 0;
    const ssize_t count = ::pread(fd, &last, 1, end - 1);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;  // it shrinks under our hands
    if (count != 1) return std::nullopt;
    if (last == '\n') return end;
    --end;
  }
  return 0;
}

/// The entry of a file in its folder lasts only when the folder itself was synced.
Result<void> sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.value() < 0 || ::fsync(fd.value()) != 0) return unwritable(folder, errno);
  return {};
}

Result<void> write_new(const std::filesystem::path& path, std::string_view content, FileMode mode) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, static_cast<mode_t>(mode)));
  if (fd.value() < 0 && errno == EEXIST) return already_there(path);
  if (fd.value() < 0) return unwritable(path, errno);
  if (!write_all(fd.value(), content) || ::fsync(fd.value()) != 0 || !fd.close()) {
    const int error = errno;
    ::unlink(path.c_str());
    return unwritable(path, error);
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.value() < 0) return unreadable(path, errno);
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = ::read(fd.value(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit) return too_large(path, limit);
  }
}

Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t limit) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.value() < 0) return unreadable(path, errno);
  WipedBuffer buffer(limit + 1);
  for (std::size_t size = 0;;) {
    const ssize_t count = ::read(fd.value(), buffer.bytes.data() + size, buffer.bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path, errno);
    size += static_cast<std::size_t>(count);
    if (size > limit) return too_large(path, limit);
    if (count == 0) return Secret(as_text({buffer.bytes.data(), size}));
  }
}

Result<void> write_file(const std::filesystem::path& path, std::string_view content, FileMode mode) {
  const std::filesystem::path temporary = temporary_beside(path);
  ::unlink(temporary.c_str());
  BASE_TRY_VOID(write_new(temporary, content, mode));
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return unwritable(path, error);
  }
  return sync_folder_of(path);
}

Result<void> create_file(const std::filesystem::path& path, std::string_view content, FileMode mode) {
  const std::filesystem::path temporary = temporary_beside(path);
  ::unlink(temporary.c_str());
  BASE_TRY_VOID(write_new(temporary, content, mode));
  const int linked = ::link(temporary.c_str(), path.c_str());  // unlike rename, it never replaces
  const int error = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && error == EEXIST) return already_there(path);
  if (linked != 0 && error == EPERM) return write_new(path, content, mode);  // a file system without hard links
  if (linked != 0) return unwritable(path, error);
  return sync_folder_of(path);
}

Result<void> append_file(const std::filesystem::path& path, std::string_view content) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (fd.value() < 0) return unwritable(path, errno);
  const off_t size = ::lseek(fd.value(), 0, SEEK_END);
  const std::optional<off_t> end = size < 0 ? std::nullopt : end_of_last_line(fd.value(), size);
  if (!end) return unwritable(path, errno);
  if (*end < size && ::ftruncate(fd.value(), *end) != 0) return unwritable(path, errno);
  if (::lseek(fd.value(), *end, SEEK_SET) != *end) return unwritable(path, errno);
  if (!write_all(fd.value(), content) || ::fdatasync(fd.value()) != 0) return unwritable(path, errno);
  return {};
}

Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code unknown;
  if (path.empty() || std::filesystem::is_directory(path, unknown)) return {};
  if (path.has_parent_path() && path.parent_path() != path) BASE_TRY_VOID(make_folder(path.parent_path()));
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  return error == EEXIST && std::filesystem::is_directory(path, unknown) ? Result<void>() : unwritable(path, error);
}

}  // namespace countersign::base
