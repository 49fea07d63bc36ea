// SignedSide: the client's side of an exchange whose messages are signed. The content of the request was read and
// checked before, and is given out from here; the response is held until it is whole, signed, and written then.
#pragma once

#include "gateway/client_side.h"
#include "gateway/signing/request_check.h"

namespace countersign::gateway {

/// Content that was read whole, and the room it takes.
struct HeldContent {
  explicit HeldContent(MessageSigning& signing) : room(signing) {}
  MessageSigning::Held room;
  std::string text = {};
};

class SignedSide final : public ClientSide {
 public:
  /// All is borrowed. `request` null: the request is passed on as it comes. `answered` null: responses are not signed.
  struct Parts {
    ClientSide& client;
    MessageSigning& signing;
    const RouteSignatures& settings;
    const HeldContent* request;
    const signatures::RequestView* answered;
    const http::RequestHead& head;  ///< of the request
  };
  explicit SignedSide(Parts parts) : parts_(parts), response_(parts.signing) {}

  http::Framing framing() const override;
  std::optional<std::uint64_t> content_length() const override;
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) override;
  /// No signature covers trailers: those of a signed message are dropped.
  const http::Fields& trailers() const override { return parts_.request ? no_trailers_ : parts_.client.trailers(); }
  bool wants_trailers() const override { return !signs() && parts_.client.wants_trailers(); }
  void end_in(http::Fields trailers) override {
    if (!signs()) parts_.client.end_in(std::move(trailers));
  }
  bool request_ended() const override { return parts_.client.request_ended(); }
  net::Task<base::Result<void>> invite_body(net::Deadline deadline) override;
  void decline_rest() override { parts_.client.decline_rest(); }

  void hold_head(const ResponseStart& start) override;
  bool may_replace_head() const override;
  void hold(std::string_view part) override;
  std::size_t held() const override;
  net::Task<base::Result<void>> write(std::string_view part, net::Deadline deadline) override;
  net::Task<base::Result<void>> finish(net::Deadline deadline) override;
  void abort() noexcept override { parts_.client.abort(); }

  bool is_http2() const override { return parts_.client.is_http2(); }
  bool is_gone() const override { return parts_.client.is_gone(); }
  void when_gone(std::function<void()> then) override { parts_.client.when_gone(std::move(then)); }
  bool may_keep() const override { return parts_.client.may_keep(); }

  /// The status of the answer that took the place of a response which could not be signed.
  std::optional<int> replaced_by() const { return replaced_by_; }

 private:
  bool signs() const { return parts_.answered != nullptr; }
  bool take(std::string_view part);
  base::Result<void> sign_head();
  net::Task<base::Result<void>> answer_instead(net::Deadline deadline);

  Parts parts_;
  http::Fields no_trailers_ = {};
  std::size_t read_ = 0;  ///< of the request's content
  HeldContent response_;
  http::ResponseHead head_;
  http::Framing framing_ = http::Framing::none;
  std::optional<std::uint64_t> length_;
  bool close_after_ = false;
  bool rest_unread_ = false;
  bool too_large_ = false;
  bool written_ = false;  ///< something of the response has left
  std::optional<int> replaced_by_;
};

}  // namespace countersign::gateway
