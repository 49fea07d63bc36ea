#include "gateway/signed_visit.h"

#include <array>

#include "gateway/request_body.h"
#include "http/problem.h"

namespace countersign::gateway {
namespace {

constexpr std::size_t kPiece = 16 * 1024;
tl::unexpected<base::Error> refusal_error(signatures::Reason reason, base::Kind kind, std::string detail) {
  return base::fail(kind, std::string(signatures::explanation(reason).code), std::move(detail));
}

}  // namespace

SignedVisit::SignedVisit(Parts parts)
    : parts_(parts),
      view_{.method = parts.head.method,
            .scheme = "https",
            .authority = parts.head.fields.find("Host").value_or(parts.destination.host),
            .target = parts.destination.target,
            .fields = parts.head.fields} {}

RequestQuestion SignedVisit::question() const {
  const bool empty = parts_.client.framing() == http::Framing::none || parts_.client.content_length() == 0U;
  return {view_, empty ? signatures::Content::none : signatures::Content::some, settings(), parts_.peer->identity()};
}

net::Task<std::optional<http::Response>> SignedVisit::admit() {
  // Law 4: what cannot be checked is not let through.
  if (parts_.signing == nullptr || !parts_.peer)
    co_return http::to_problem({base::Kind::internal, "gateway.no_signing", "signatures cannot be checked here"}, 500);
  if (settings().requests) {
    auto answer = co_await check(*parts_.signing);
    if (answer) co_return answer;
  }
  side_.emplace(SignedSide::Parts{.client = parts_.client,
                                  .signing = *parts_.signing,
                                  .settings = settings(),
                                  .request = content_ ? &*content_ : nullptr,
                                  .answered = settings().responses ? &view_ : nullptr,
                                  .head = parts_.head});
  co_return std::nullopt;
}

net::Task<std::optional<http::Response>> SignedVisit::check(MessageSigning& signing) {
  // Before the content: who cannot sign has nothing held for them.
  auto head = RequestCheck::of_head(question(), signing);
  if (!head) co_return refused(head.error(), signing);
  content_.emplace(signing);
  const auto read = co_await read_content();
  if (!read) {
    for (const signatures::Reason reason : {signatures::Reason::content_too_large, signatures::Reason::busy})
      if (read.error().code == signatures::explanation(reason).code)
        co_return refused(signatures::refuse(reason, read.error().detail), signing);
    const bool late = read.error().kind == base::Kind::timeout;
    co_return http::to_problem(read.error(), late ? 408 : http::status_of_unreadable(read.error()).value_or(400));
  }
  auto signed_request = std::move(*head).with_content(content_->text);
  if (!signed_request) co_return refused(signed_request.error(), signing);
  signing.count_good();
  take(*signed_request);
  co_return std::nullopt;
}

net::Task<base::Result<void>> SignedVisit::read_content() {
  if (parts_.client.framing() == http::Framing::none) co_return base::Result<void>();
  const std::size_t limit = settings().content_limit;
  const std::string too_large = "at most " + std::to_string(limit) + " bytes are checked on this route";
  if (parts_.client.content_length().value_or(0) > limit)
    co_return refusal_error(signatures::Reason::content_too_large, base::Kind::too_large, too_large);
  BASE_CO_TRY_VOID(co_await parts_.client.invite_body(net::Deadline::after(parts_.step_time)));
  const RequestBody::Pace pace{.step_time = parts_.step_time};
  const auto started = std::chrono::steady_clock::now();
  std::array<std::uint8_t, kPiece> piece;
  for (;;) {
    const auto count = co_await parts_.client.read_body_some(piece, net::Deadline::after(parts_.step_time));
    if (!count) co_return base::unexpected(count.error());
    if (*count == 0) co_return base::Result<void>();
    received_ += *count;
    if (content_->text.size() + *count > limit)
      co_return refusal_error(signatures::Reason::content_too_large, base::Kind::too_large, too_large);
    if (!content_->room.grow(*count))
      co_return refusal_error(signatures::Reason::busy, base::Kind::unavailable, "too much is held at the moment");
    content_->text.append(reinterpret_cast<const char*>(piece.data()), *count);
    if (pace.is_missed(started, content_->text.size()))
      co_return base::fail(base::Kind::timeout, "http.too_slow", "the body arrives too slowly");
  }
}

void SignedVisit::take(const SignedRequest& request) {
  identity_ = parts_.identity.with(request.to_fields());
  if (!settings().strips) return;
  passed_ = parts_.head;
  for (const std::string_view field : {std::string_view("Signature"), std::string_view("Signature-Input"),
                                       signatures::kJwsField, std::string_view(settings().header)})
    passed_->fields.remove_every_spelling(field);
}

http::Response SignedVisit::refused(const signatures::Refusal& refusal, MessageSigning& signing) const {
  signing.count(refusal.reason);
  signing.log().info("signature.refused", {{"code", signatures::explanation(refusal.reason).code},
                                           {"detail", refusal.detail},
                                           {"keyid", refusal.keyid},
                                           {"application", parts_.peer->identity().to_urn()},
                                           {"method", parts_.head.method},
                                           {"host", parts_.destination.host},
                                           {"path", parts_.destination.path()}});
  return to_response(refusal, question());
}

}  // namespace countersign::gateway
