// H2ClientSide: the client's side of an exchange on HTTP/2 (RFC 9113): one stream of its connection.
#pragma once

#include "gateway/client_side.h"
#include "http/h2_stream.h"

namespace countersign::gateway {

class H2ClientSide final : public ClientSide {
 public:
  /// Borrows `stream`.
  explicit H2ClientSide(http::H2Stream& stream) : stream_(stream) {}

  http::Framing framing() const override { return stream_.framing(); }
  std::optional<std::uint64_t> content_length() const override { return stream_.content_length(); }
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) override {
    return stream_.read_body_some(into, deadline);
  }
  const http::Fields& trailers() const override { return stream_.trailers(); }
  bool request_ended() const override { return stream_.at_end_of_message(); }
  net::Task<base::Result<void>> invite_body(net::Deadline deadline) override;
  void decline_rest() override { stream_.decline_rest(); }

  void hold_head(const ResponseStart& start) override;
  bool may_replace_head() const override { return false; }  // it goes out with whatever another stream has to say
  void hold(std::string_view part) override { stream_.hold(part); }
  std::size_t held() const override { return stream_.held(); }
  net::Task<base::Result<void>> write(std::string_view part, net::Deadline deadline) override {
    return stream_.write(part, deadline);
  }
  net::Task<base::Result<void>> finish(net::Deadline deadline) override { return stream_.finish(deadline); }
  bool wants_trailers() const override { return true; }  // they are a part of HTTP/2
  void end_in(http::Fields trailers) override { stream_.end_in(std::move(trailers)); }
  void abort() noexcept override { stream_.reset(); }
  bool is_http2() const override { return true; }

  bool is_gone() const override { return stream_.is_gone(); }
  void when_gone(std::function<void()> then) override { stream_.when_gone(std::move(then)); }
  bool may_keep() const override { return may_keep_; }

 private:
  http::H2Stream& stream_;
  bool may_keep_ = false;
};

}  // namespace countersign::gateway
