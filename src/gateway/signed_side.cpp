#include "gateway/signed_side.h"

#include <algorithm>
#include <cstring>

#include "gateway/own_answer.h"
#include "http/problem.h"

namespace countersign::gateway {

http::Framing SignedSide::framing() const {
  if (parts_.request == nullptr) return parts_.client.framing();
  return parts_.client.framing() == http::Framing::none ? http::Framing::none : http::Framing::length;
}

std::optional<std::uint64_t> SignedSide::content_length() const {
  if (parts_.request == nullptr) return parts_.client.content_length();
  if (framing() == http::Framing::none) return std::nullopt;
  return parts_.request->text.size();
}

net::Task<base::Result<std::size_t>> SignedSide::read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) {
  if (parts_.request == nullptr) co_return co_await parts_.client.read_body_some(into, deadline);
  const std::string_view rest = std::string_view(parts_.request->text).substr(read_, into.size());
  std::memcpy(into.data(), rest.data(), rest.size());
  read_ += rest.size();
  co_return rest.size();
}

net::Task<base::Result<void>> SignedSide::invite_body(net::Deadline deadline) {
  if (parts_.request != nullptr) co_return base::Result<void>();
  co_return co_await parts_.client.invite_body(deadline);
}

void SignedSide::hold_head(const ResponseStart& start) {
  if (!signs()) return parts_.client.hold_head(start);
  head_ = start.head;
  framing_ = start.framing;
  length_ = start.length;
  close_after_ = start.close_after;
  rest_unread_ = start.rest_unread;
  response_.text.clear();
}

bool SignedSide::may_replace_head() const { return signs() ? !written_ : parts_.client.may_replace_head(); }

/// False where it cannot be held: half a response is not signed.
bool SignedSide::take(std::string_view part) {
  const bool fits = response_.text.size() + part.size() <= parts_.settings.content_limit;
  too_large_ = too_large_ || !fits || !response_.room.grow(part.size());
  if (!too_large_) response_.text += part;
  return !too_large_;
}

void SignedSide::hold(std::string_view part) {
  if (!signs()) return parts_.client.hold(part);
  (void)take(part);  // the next write says so
}

std::size_t SignedSide::held() const { return signs() ? response_.text.size() : parts_.client.held(); }

net::Task<base::Result<void>> SignedSide::write(std::string_view part, net::Deadline deadline) {
  if (!signs()) co_return co_await parts_.client.write(part, deadline);
  if (take(part)) co_return base::Result<void>();
  co_return co_await answer_instead(deadline);
}

/// What a response says of its content is ours to say again: an upstream's digest, or its signature, is of something
/// else.
base::Result<void> SignedSide::sign_head() {
  const auto key = parts_.signing.own_key();
  if (key == nullptr)
    return base::fail(base::Kind::unavailable, "signature.no_key", "there is no key to sign responses with");
  for (const char* field : {"Signature", "Signature-Input", "Content-Digest"})
    head_.fields.remove_every_spelling(field);
  const bool has_content = framing_ != http::Framing::none;
  if (has_content) {
    const auto algorithm =
        signatures::wanted_digest(parts_.answered->fields).value_or(signatures::DigestAlgorithm::sha256);
    head_.fields.add("Content-Digest", signatures::content_digest(algorithm, response_.text));
  }
  const auto message = signatures::MessageView::of(head_.status, head_.fields, parts_.answered);
  auto components =
      signatures::components_to_cover(message, has_content ? signatures::Content::some : signatures::Content::none, {});
  if (head_.fields.count("Content-Type") > 0) components.push_back(signatures::Component::named("content-type"));
  for (const char* of_request : {"@method", "@target-uri"}) {
    BASE_TRY(auto component, signatures::Component::from({std::string(of_request), {{"req", true}}}));
    components.push_back(std::move(component));
  }
  const signatures::Signing signing{.key = key->credential->key,
                                    .keyid = key->keyid,
                                    .scheme = key->scheme,
                                    .components = std::move(components),
                                    .created = parts_.signing.now()};
  BASE_TRY(auto made, signatures::sign(message, signing));
  head_.fields.add("Signature-Input", std::move(made.signature_input));
  head_.fields.add("Signature", std::move(made.signature));
  parts_.signing.count_response();
  return {};
}

/// Nothing of the response has left: the client gets to know that there is none, and why.
net::Task<base::Result<void>> SignedSide::answer_instead(net::Deadline deadline) {
  const std::string limit = std::to_string(parts_.settings.content_limit);
  base::Error error{base::Kind::unavailable, "gateway.response_unsigned",
                    "the response could not be signed: it is larger than " + limit +
                        " bytes (`content_limit` of the route), or the gateway cannot sign now"};
  parts_.signing.log().warning(error.code, {{"status", head_.status}, {"limit", limit}});
  OwnAnswer answer{http::to_problem(error, 502), parts_.head, true};
  written_ = true;
  replaced_by_ = 502;
  (void)co_await write_own_answer(parts_.client, std::move(answer), deadline);
  co_return base::unexpected(std::move(error));
}

net::Task<base::Result<void>> SignedSide::finish(net::Deadline deadline) {
  if (!signs()) co_return co_await parts_.client.finish(deadline);
  if (too_large_ || !sign_head()) co_return co_await answer_instead(deadline);
  written_ = true;
  const bool has_content = framing_ != http::Framing::none;
  parts_.client.hold_head({.head = head_,
                           .framing = has_content ? http::Framing::length : http::Framing::none,
                           .length = has_content ? std::optional<std::uint64_t>(response_.text.size()) : length_,
                           .close_after = close_after_,
                           .rest_unread = rest_unread_});
  if (!response_.text.empty()) {
    auto written = co_await parts_.client.write(response_.text, deadline);
    if (!written) co_return written;
  }
  co_return co_await parts_.client.finish(deadline);
}

}  // namespace countersign::gateway
