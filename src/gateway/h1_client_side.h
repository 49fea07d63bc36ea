// H1ClientSide: the client's side of an exchange on HTTP/1.1 (RFC 9112).
#pragma once

#include <functional>
#include <string>

#include "gateway/client_side.h"
#include "net/stream.h"

namespace countersign::gateway {

class H1ClientSide final : public ClientSide {
 public:
  /// Borrows all; `request` was read last by `reader`, and `cut` becomes true when the connection is cut.
  H1ClientSide(net::Stream& stream, http::H1Reader& reader, const http::RequestHead& request, const bool& cut)
      : stream_(stream), reader_(reader), request_(request), cut_(cut) {}

  http::Framing framing() const override { return reader_.framing(); }
  std::optional<std::uint64_t> content_length() const override { return reader_.content_length(); }
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) override {
    return reader_.read_body_some(into, deadline);
  }
  const http::Fields& trailers() const override { return reader_.trailers(); }
  bool request_ended() const override { return reader_.at_end_of_message(); }
  net::Task<base::Result<void>> invite_body(net::Deadline deadline) override;
  void decline_rest() override {}  // it ends by itself or is waited for: its bytes lie before the next request

  void hold_head(const ResponseStart& start) override;
  bool may_replace_head() const override { return true; }
  void hold(std::string_view part) override;
  std::size_t held() const override { return sent_ ? 0 : out_.size(); }
  net::Task<base::Result<void>> write(std::string_view part, net::Deadline deadline) override;
  net::Task<base::Result<void>> finish(net::Deadline deadline) override;
  /// RFC 9110 section 10.1.4.
  bool wants_trailers() const override {
    return request_.minor_version >= 1 && request_.fields.has_token("TE", "trailers");
  }
  void end_in(http::Fields trailers) override { trailers_ = std::move(trailers); }
  void abort() noexcept override { stream_.abort(); }
  bool is_http2() const override { return false; }

  bool may_switch() const override { return true; }
  Switched switch_protocol() override { return {&stream_, reader_.take_rest()}; }

  /// One that went away by itself is told by the next read or write that fails.
  bool is_gone() const override { return cut_ || aborted_; }
  void when_gone(std::function<void()> then) override;
  bool may_keep() const override { return may_keep_; }

 private:
  /// The text that goes out next; what went out before is forgotten.
  std::string& out();
  net::Task<base::Result<void>> send(net::Deadline deadline);

  net::Stream& stream_;
  http::H1Reader& reader_;
  const http::RequestHead& request_;
  const bool& cut_;
  std::string out_;
  http::Fields trailers_;  ///< of the response
  bool sent_ = false;      ///< out_ is being written, or was
  bool chunks_ = false;    ///< the client gets the body in chunks of ours
  bool may_keep_ = false;
  bool aborted_ = false;  ///< somebody ended the connection meanwhile
  std::function<void()> when_gone_ = {};
};

}  // namespace countersign::gateway
