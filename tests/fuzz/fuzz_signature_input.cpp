// Whatever is sent as structured fields, as Signature-Input, as Content-Digest or as a signature over the content: an
// error or something whole, never a crash. What is read is written in one form, which reads the same; and nothing holds
// by a key that nobody signed with.
#include <algorithm>

#include "base/check.h"
#include "signatures/content_signature.h"
#include "signatures/http_signature.h"

namespace {

using namespace countersign;
using namespace countersign::signatures;

const VerificationKey& some_key() {
  static const VerificationKey key = VerificationKey::of(
      jose::Jwk::from(crypto::PrivateKey::generate(crypto::PrivateKey::Kind::p256).value().public_key()).value());
  return key;
}

void look_at_fields(std::string_view text) {
  if (const auto dictionary = sf::parse_dictionary(text)) {
    const auto again = sf::parse_dictionary(sf::serialise(*dictionary));
    BASE_CHECK(again && *again == *dictionary);
  }
  if (const auto list = sf::parse_list(text)) {
    const auto again = sf::parse_list(sf::serialise(*list));
    BASE_CHECK(again && *again == *list);
  }
  if (const auto item = sf::parse_item(text)) {
    const auto again = sf::parse_item(sf::serialise(*item));
    BASE_CHECK(again && *again == *item);
  }
}

/// First line Signature-Input, second Signature, third the target; the rest stands in Content-Digest, and is the
/// content.
void look_at_message(std::string_view text) {
  const auto line = [&text] {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view found = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return std::string(found);
  };
  http::Fields fields;
  fields.add("Signature-Input", line());
  fields.add("Signature", line());
  const std::string target = line();
  fields.add("Content-Digest", std::string(text));
  fields.add("Date", "Tue, 20 Apr 2021 02:07:55 GMT");
  const RequestView request{
      .method = "POST", .scheme = "https", .authority = "example.com", .target = target, .fields = fields};
  const MessageView message = MessageView::of(request);
  const SignaturePolicy policy;
  const FindKey find = [](std::string_view) -> base::Result<VerificationKey, Refusal> { return some_key(); };
  const auto head =
      check_head({message, Content::some, policy, {.now = base::Instant::from_unix_seconds(1'618'884'473)}, find});
  BASE_CHECK(!head && !head.error().detail.empty());
  const auto inputs = read_signatures(fields);
  if (!inputs) return;
  for (const SignatureInput& input : *inputs) {
    const auto base = signature_base(message, input);
    // One line for each component, and the parameters: nothing could be taken for another component.
    if (base)
      BASE_CHECK(static_cast<std::size_t>(std::count(base->begin(), base->end(), '\n')) == input.components.size());
  }
}

void look_at_content_signatures(std::string_view text) {
  const Freshness fresh{.now = base::Instant::from_unix_seconds(0)};
  if (const auto jws = DetachedJws::parse(text)) BASE_CHECK(!jws->verify(some_key(), text, fresh));
  if (const auto header = HeaderSignature::parse(text)) BASE_CHECK(!header->verify(some_key(), text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  look_at_fields(text);
  look_at_message(text);
  look_at_content_signatures(text);
  return 0;
}
