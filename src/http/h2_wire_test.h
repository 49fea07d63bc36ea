// An HTTP/2 client made by hand: its frames, the wire they come by, and the frames that were said to it. For tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/signal.h"
#include "net/stream.h"

namespace countersign::http {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type : std::uint8_t {
  kData,
  kHeaders,
  kPriority,
  kReset,
  kSettings,
  kPush,
  kPing,
  kGoaway,
  kWindow,
  kContinuation
};
inline constexpr std::uint8_t kEndStream = 1;
inline constexpr std::uint8_t kEndHeaders = 4;

inline std::string number(std::size_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string frame(Type type, std::uint8_t flags, std::size_t stream, const std::string& payload = {}) {
  return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) + number(stream, 4) + payload;
}

/// Literals without indexing (RFC 7541 section 6.2.2), of short texts.
inline std::string block(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    out += std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
  return out;
}

inline std::string request(std::size_t stream, const std::string& method, std::uint8_t flags) {
  return frame(kHeaders, flags, stream,
               block({{":method", method}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/"}}));
}
inline std::string get(std::size_t stream) { return request(stream, "GET", kEndHeaders | kEndStream); }
inline std::string post(std::size_t stream) { return request(stream, "POST", kEndHeaders); }
/// A table of size 0, so that statuses can be told; and the acknowledgement of ours.
inline std::string hello() {
  return std::string(kPreface) + frame(kSettings, 0, 0, number(1, 2) + number(0, 4)) + frame(kSettings, 1, 0);
}

inline std::size_t value_of(std::string_view bytes) {
  std::size_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

struct Seen {
  Type type;
  std::uint8_t flags;
  std::size_t stream;
  std::string payload;
  /// Of RST_STREAM or GOAWAY.
  std::size_t code() const { return value_of(std::string_view(payload).substr(type == kGoaway ? 4 : 0, 4)); }
  /// Of GOAWAY.
  std::size_t last_stream() const { return value_of(std::string_view(payload).substr(0, 4)); }
};

inline std::vector<Seen> frames_of(std::string_view bytes) {
  std::vector<Seen> frames;
  while (bytes.size() >= 9) {
    const std::size_t size = value_of(bytes.substr(0, 3));
    frames.push_back({static_cast<Type>(bytes[3]), static_cast<std::uint8_t>(bytes[4]), value_of(bytes.substr(5, 4)),
                      std::string(bytes.substr(9, size))});
    bytes.remove_prefix(std::min(bytes.size(), 9 + size));
  }
  return frames;
}

/// A stream whose input is put in while somebody waits for it.
class FedStream : public net::Stream {
 public:
  explicit FedStream(net::Loop& loop) : input_(loop) {}
  void put(std::string_view bytes) {
    in_ += bytes;
    input_.raise();
  }
  void close() {
    closed_ = true;
    input_.raise();
  }
  void renew() {
    in_.clear();
    closed_ = false;
  }
  net::Task<base::Result<std::size_t>> read_some(std::span<std::uint8_t> into, net::Deadline deadline) override {
    while (in_.empty() && !closed_) {
      const bool raised = co_await input_.wait(deadline);
      if (!raised) co_return base::fail(base::Kind::timeout, "net.timeout", "nothing came");
    }
    const std::size_t size = std::min(into.size(), in_.size());
    std::copy_n(in_.begin(), size, into.begin());
    in_.erase(0, size);
    co_return size;
  }
  const net::Endpoint& peer() const override { return peer_; }
  const net::Endpoint& local() const override { return peer_; }
  bool has_unexpected_input() override { return false; }

 private:
  net::Endpoint peer_{"192.0.2.1", 40000};
  net::Signal input_;
  std::string in_;
  bool closed_ = false;
};

/// The server's end of a connection whose client is the test: what is put in is read, and an end is no end until said.
class Wire final : public FedStream {
 public:
  using FedStream::FedStream;
  void renew() {
    FedStream::renew();
    out.clear();
  }
  net::Task<base::Result<void>> write_all(base::BytesView data, net::Deadline) override {
    ++writes;
    out += base::as_text(data);
    co_return base::Result<void>();
  }
  net::Task<void> finish(net::Deadline) override {
    close();
    co_return;
  }
  void abort() noexcept override { close(); }

  std::string out;
  int writes = 0;
};

}  // namespace countersign::http
