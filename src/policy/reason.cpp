#include "policy/reason.h"

#include <array>

namespace countersign::policy {
namespace {

constexpr std::array<Explanation, kReasons> kExplanations = {{
    {Reason::not_granted, "policy.not_granted", 403,
     "No grant of the provider's policy lets this application use this method on this host and path.",
     "Check method, host and path. If they are right, ask the provider to grant them to your application; the provider "
     "adds a [[grants]] entry to its policy file."},
    {Reason::wrong_address, "policy.wrong_address", 403,
     "The application may do this, but not from the address it called from.",
     "Call from one of the addresses agreed with the provider, or have the provider add yours to `from`."},
    {Reason::api_key_missing, "policy.api_key_missing", 403,
     "The application may do this with an API key beside its certificate, and sent none.",
     "Send the API key that the provider gave you for this application, once, in the field the provider named "
     "(X-Api-Key by default)."},
    {Reason::api_key_refused, "policy.api_key_refused", 403,
     "The API key that was sent is not one of this application's.",
     "Send the key as it was given to you, and with the certificate of the application it was made for. A lost key is "
     "replaced by the provider with `countersign-gateway policy key`."},
    {Reason::too_fast, "policy.too_fast", 429,
     "The application, or its organisation as a whole, sent more requests than its rate allows.",
     "Wait as long as Retry-After says and spread requests; ask the provider if you need a higher rate."},
    {Reason::too_many_at_once, "policy.too_many_at_once", 429,
     "The application, or its organisation as a whole, has as many requests under way as it may have at once.",
     "Wait for answers before sending more; ask the provider if you need more at once."},
    {Reason::too_many_bytes, "policy.too_many_bytes", 429,
     "The application, or its organisation as a whole, moved more bytes than its rate allows and has to let that time "
     "pass.",
     "Wait as long as Retry-After says; ask the provider if you need more bandwidth."},
    {Reason::day_used_up, "policy.day_used_up", 429,
     "The application, or its organisation as a whole, has used up its bytes of the day.",
     "Wait until midnight UTC, as Retry-After says; ask the provider if you need more a day."},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kExplanations.size(); ++i)
    if (static_cast<std::size_t>(kExplanations[i].reason) != i) return false;
  return true;
}
static_assert(is_in_order());

}  // namespace

std::span<const Explanation> explanations() { return kExplanations; }
const Explanation& explanation(Reason reason) { return kExplanations[static_cast<std::size_t>(reason)]; }

}  // namespace countersign::policy
