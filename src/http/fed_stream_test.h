// Streams whose other end is the test. For tests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "net/signal.h"
#include "net/stream.h"

namespace countersign::http {

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
  explicit Wire(net::Loop& loop) : FedStream(loop), ended_(loop) {}
  void renew() {
    FedStream::renew();
    out.clear();
  }
  net::Task<base::Result<void>> write_all(base::BytesView data, net::Deadline deadline) override {
    ++writes;
    if (!takes && !aborted_) (void)co_await ended_.wait(deadline);
    if (!takes) co_return base::fail(base::Kind::unavailable, "net.reset", "the other side takes nothing");
    out += base::as_text(data);
    co_return base::Result<void>();
  }
  net::Task<void> finish(net::Deadline) override {
    close();
    co_return;
  }
  void abort() noexcept override {
    aborted_ = true;
    ended_.raise();
    close();
  }
  void cut() noexcept override {
    was_cut = true;
    abort();
  }
  bool is_on_its_way() const override { return on_its_way; }

  std::string out;
  int writes = 0;
  bool takes = true;       ///< what is written; else it waits until the end
  bool on_its_way = true;  ///< what was taken has left
  bool was_cut = false;

 private:
  net::Signal ended_;
  bool aborted_ = false;
};

}  // namespace countersign::http
