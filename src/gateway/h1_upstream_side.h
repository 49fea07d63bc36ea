// H1UpstreamSide: the upstream's side of an exchange on HTTP/1.1 (RFC 9112): a connection of its own while it lasts.
#pragma once

#include "gateway/upstream_side.h"

namespace countersign::gateway {

class H1UpstreamSide final : public UpstreamSide {
 public:
  /// Borrows it.
  explicit H1UpstreamSide(UpstreamConnection& connection) : connection_(connection) {}

  net::Task<base::Result<void>> send_head(const RequestStart& start, net::Deadline deadline) override;
  net::Task<base::Result<void>> write(std::span<const std::uint8_t> part, net::Deadline deadline) override;
  /// Trailers end here: nobody asked for them, and more than one service takes them for fields of the head.
  net::Task<base::Result<void>> finish(const http::Fields& trailers, net::Deadline deadline) override;

  net::Task<base::Result<http::ResponseHead>> read_head(std::string method, net::Deadline deadline) override {
    return connection_.reader.read_response_head(std::move(method), deadline);
  }
  http::Framing framing() const override { return connection_.reader.framing(); }
  std::optional<std::uint64_t> content_length() const override { return connection_.reader.content_length(); }
  std::string_view take_buffered_body(std::size_t at_most) override {
    return connection_.reader.take_buffered_body(at_most);
  }
  bool has_buffered() const override { return connection_.reader.has_buffered(); }
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) override {
    return connection_.reader.read_body_some(into, deadline);
  }
  bool at_end_of_message() const override { return connection_.reader.at_end_of_message(); }
  const http::Fields& trailers() const override { return connection_.reader.trailers(); }

  /// Every byte it sent was of the response.
  bool may_keep() const override {
    const http::H1Reader& reader = connection_.reader;
    return reader.at_end_of_message() && reader.keep_alive() && !reader.has_buffered();
  }
  bool is_http2() const override { return false; }
  void abort() noexcept override { connection_.stream->abort(); }
  UpstreamConnection* connection() override { return &connection_; }

 private:
  UpstreamConnection& connection_;
  bool chunks_ = false;
  std::string out_;
};

}  // namespace countersign::gateway
