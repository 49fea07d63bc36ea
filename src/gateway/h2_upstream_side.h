// H2UpstreamSide: the upstream's side of an exchange on HTTP/2 (RFC 9113): one stream of a connection that is shared.
#pragma once

#include "gateway/upstream_side.h"

namespace countersign::gateway {

class H2UpstreamSide final : public UpstreamSide {
 public:
  /// Borrows `stream`; `scheme` is "https" over TLS, else "http".
  H2UpstreamSide(http::H2ClientStream& stream, std::string_view scheme) : stream_(stream), scheme_(scheme) {}

  net::Task<base::Result<void>> send_head(const RequestStart& start, net::Deadline deadline) override;
  net::Task<base::Result<void>> write(std::span<const std::uint8_t> part, net::Deadline deadline) override {
    return stream_.write(base::as_text(part), deadline);
  }
  net::Task<base::Result<void>> finish(const http::Fields& trailers, net::Deadline deadline) override {
    return stream_.finish(trailers, deadline);
  }

  net::Task<base::Result<http::ResponseHead>> read_head(std::string, net::Deadline deadline) override {
    return stream_.read_head(deadline);
  }
  http::Framing framing() const override { return stream_.framing(); }
  std::optional<std::uint64_t> content_length() const override { return stream_.content_length(); }
  std::string_view take_buffered_body(std::size_t at_most) override {
    buffered_ = stream_.take_buffered_body(at_most);
    return buffered_;
  }
  bool has_buffered() const override { return false; }
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) override {
    return stream_.read_body_some(into, deadline);
  }
  bool at_end_of_message() const override { return stream_.at_end_of_message(); }
  const http::Fields& trailers() const override { return stream_.trailers(); }

  bool may_keep() const override { return true; }  // what is left of the stream is reset with it
  bool is_http2() const override { return true; }
  void abort() noexcept override { stream_.reset(); }

 private:
  http::H2ClientStream& stream_;
  std::string_view scheme_;
  std::string buffered_;
};

}  // namespace countersign::gateway
