// Routes of CMP over HTTP (RFC 6712, RFC 9483 section 6.1): one message in, one out. Errors that HTTP has words for are
// problem+json; all others are CMP's, under 200.
#include "authority/api/routes.h"

#include <algorithm>
#include <array>

#include "authority/cmp/conversation.h"
#include "authority/est/est.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::string_view kType = "application/pkixcmp";

base::Result<std::optional<trust::Purpose>> read_label(const Call& call) {
  if (call.arguments.empty()) return std::nullopt;
  BASE_TRY(const trust::Purpose purpose, parse_est_label(call.arguments.front()));
  return std::optional(purpose);
}

base::Result<void> check_type(const http::Request& request) {
  std::string_view type = request.head.fields.find("Content-Type").value_or("");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t'))
    type.remove_suffix(1);
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; };
  if (std::ranges::equal(type, kType, same)) return {};
  return base::fail(Kind::invalid, "cmp.content_type",
                    "send one PKIMessage in DER as 'Content-Type: application/pkixcmp'");
}

/// Takes in one message, and keeps as much of it as was understood: a refusal is addressed and protected by that.
class Hearing {
 public:
  Hearing(Authority& authority, std::optional<trust::Purpose> label, base::BytesView nonce)
      : authority_(authority), label_(label), nonce_(nonce) {}

  base::Result<CmpAnswer> listen(std::string_view body) {
    BASE_TRY(message_, x509::CmpMessage::parse(base::as_bytes(body)));
    BASE_TRY_VOID(check_cmp_header(message_->header(), authority_.clock().now()));
    BASE_TRY(caller_, CmpCaller::verify(authority_, *message_));
    return CmpConversation(authority_, {*message_, *caller_, label_, nonce_}).answer();
  }
  CmpAsked asked() const { return {message_ ? &*message_ : nullptr, caller_ ? &*caller_ : nullptr}; }

 private:
  Authority& authority_;
  std::optional<trust::Purpose> label_;
  base::BytesView nonce_;
  std::optional<x509::CmpMessage> message_;
  std::optional<CmpCaller> caller_;
};

base::Result<Told> take_message(Authority& authority, const Call& call) {
  BASE_TRY(const auto label, read_label(call));
  BASE_TRY_VOID(check_type(call.request));
  std::array<std::uint8_t, kCmpLeastNonce> nonce{};
  BASE_TRY_VOID(authority.random().fill(nonce));
  Hearing hearing(authority, label, nonce);
  auto answer = hearing.listen(call.request.body);
  const CmpAnswer said = answer ? std::move(*answer) : refuse(answer.error(), hearing.asked());
  BASE_TRY(auto response, to_cmp_response(authority, hearing.asked(), said, nonce));
  return Told{std::move(response), said.refusal};
}

}  // namespace

std::span<const Route> cmp_routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", "/.well-known/cmp", TellingHandler{take_message}},
      Route{"POST", "/.well-known/cmp/p/{label}", TellingHandler{take_message}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
