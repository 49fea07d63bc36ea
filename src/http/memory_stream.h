// MemoryStream: a net::Stream for tests and fuzzing: gives out prepared pieces, keeps what is written.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "net/stream.h"

namespace countersign::http {

class MemoryStream final : public net::Stream {
 public:
  /// What comes behind the last piece. `silent` is a deadline that passed at once.
  enum class End { close, reset, silent };

  explicit MemoryStream(std::vector<std::string> pieces, End end = End::close)
      : pieces_(std::move(pieces)), end_(end) {}
  static std::vector<std::string> whole(std::string text) { return std::vector<std::string>(1, std::move(text)); }
  static std::vector<std::string> byte_by_byte(const std::string& text) { return in_pieces(text, 1); }
  static std::vector<std::string> in_pieces(const std::string& text, std::size_t size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size(); at += size)
      pieces.push_back(text.substr(at, size));
    return pieces;
  }

  net::Task<base::Result<std::size_t>> read_some(std::span<std::uint8_t> into, net::Deadline) override {
    if (aborted_) co_return base::fail(base::Kind::unavailable, "net.reset", "aborted");
    if (next_ == pieces_.size()) co_return at_end();
    std::string& piece = pieces_[next_];
    const std::size_t size = std::min(into.size(), piece.size());
    std::memcpy(into.data(), piece.data(), size);
    piece.erase(0, size);
    if (piece.empty()) ++next_;
    co_return size;
  }
  net::Task<base::Result<void>> write_all(base::BytesView data, net::Deadline) override {
    ++writes_;
    if (writes_fail_) co_return base::fail(base::Kind::unavailable, "net.reset", "the peer takes nothing");
    written_ += base::as_text(data);
    co_return base::Result<void>();
  }
  net::Task<void> finish(net::Deadline) override {
    finished_ = true;
    co_return;
  }
  void abort() noexcept override { aborted_ = true; }
  const net::Endpoint& peer() const override { return peer_; }
  const net::Endpoint& local() const override { return local_; }
  bool has_unexpected_input() override { return next_ < pieces_.size() || end_ != End::silent; }

  const std::string& written() const { return written_; }
  int writes() const { return writes_; }
  bool finished() const { return finished_; }
  void let_writes_fail() { writes_fail_ = true; }

 private:
  base::Result<std::size_t> at_end() const {
    if (end_ == End::silent) return base::fail(base::Kind::timeout, "net.timeout", "nothing more comes");
    if (end_ == End::reset) return base::fail(base::Kind::unavailable, "net.reset", "the peer went away");
    return std::size_t{0};
  }

  std::vector<std::string> pieces_;  ///< none is empty
  End end_;
  std::size_t next_ = 0;
  std::string written_;
  int writes_ = 0;
  bool finished_ = false;
  bool aborted_ = false;
  bool writes_fail_ = false;
  net::Endpoint peer_{"192.0.2.1", 40000};
  net::Endpoint local_{"198.51.100.1", 8443};
};

}  // namespace countersign::http
