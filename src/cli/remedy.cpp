#include "cli/remedy.h"

#include <utility>

namespace countersign::cli {
namespace {

std::string_view remedy_of(std::string_view code) {
  static constexpr std::string_view kNewCode =
      "A new code, from the provider: `countersign admin enrol ENV/ORG/APP --purpose PURPOSE`.";
  static constexpr std::pair<std::string_view, std::string_view> kRemedies[] = {
      {"code.used", kNewCode},
      {"code.expired", kNewCode},
      {"code.unknown", "Check that --authority names the provider that gave you the code."},
      {"code.other_purpose", kNewCode},
      {"key.weak", "P-256 is what `countersign request` makes by default; --key-type offers others."},
      {"organisation.unknown", "`countersign admin org list` shows those there are; `admin org create ORG` makes one."},
      {"application.unknown",
       "`countersign admin app list` shows those there are; `admin app create ENV/ORG/APP` makes one."},
      {"application.no_server_names", "`countersign admin app server-names ENV/ORG/APP HOST ...` sets them."},
      {"renewal.superseded", "The newest pair is the one to renew with: look for it where the last renewal was run."},
      {"renewal.too_many", "The newest pair in the folder is one of them: use it once, and renew with that."},
      {"renewal.suspended", "Keep what you have: once the provider has resumed it, the same command renews."},
      {"renewal.not_accepted", "The provider can say why: its registry keeps the reason of each revocation."},
      {"key.reused", "Run `countersign renew` again: it makes a new key."},
      {"key.not_allowed", "Run it again with --key-type, as the provider's policy wants it."},
      {"request.refused", "Settle it with the provider; then `countersign renew --new-key` (or a new code) asks anew."},
      {"request.changed", "`countersign admin requests show ID` shows what it is now."},
      {"ca.not_held",
       "`countersign admin ca show CA` shows who lacks it; --without SERIAL --reason TEXT goes on without."},
      {"ca.in_use", "`countersign admin ca retire CA --remaining N` says that you know."},
      {"root.offline", "`countersign ceremony` signs it; `countersign admin ca import CA FILE` brings it."},
      {"organisation.suspended", "The provider suspended all your applications: ask it why."},
      {"application.suspended", "The provider suspended this application: ask it why."},
      {"key.compromised",
       "A new key is made in a folder without one: the same command with another --out, or once PURPOSE.* is moved "
       "away."},
      {"request.other_key",
       "To begin anew, move PURPOSE.* of that folder away, all of it, and keep the key's copy safe."},
      {"credential.mismatch", "They must be of one pair: name the folder, or the two files, that belong together."},
      {"oauth.client_unknown", "The provider makes it one: `countersign admin clients set ENV/ORG/APP --scope SCOPE`."},
      {"authority.another_server",
       "--authority HOST:PORT of the authority's API: port 9443 unless the provider says otherwise; partners' calls go "
       "to the gateway, 8443."},
      {"authority.refused",
       "Check --authority and --trust-chain. If both are right, somebody may stand in between: tell the provider."},
      {"gateway.refused",
       "Check --issuer and --trust-chain. If both are right, somebody may stand in between: tell the provider."},
      {"operator.refused",
       "Another credential: --operator DIR; a new one needs a code of another operator's. The authority's log names "
       "the "
       "reason."},
      {"person.refused",
       "Ask the provider for an enrolment code; then `countersign request person --code CODE --out NEW`, and --person "
       "NEW."},
      {"gateway.refuses_us",
       "Ask the provider why, and for an enrolment code; then `countersign request transport --code CODE --out NEW`, "
       "and "
       "--out NEW here."},
  };
  for (const auto& [known, text] : kRemedies)
    if (code == known) return text;
  return {};
}

}  // namespace

std::string_view remedy(const base::Error& error) {
  for (const base::Error* one = &error; one != nullptr; one = one->cause.get())
    if (const std::string_view text = remedy_of(one->code); !text.empty()) return text;
  return {};
}

}  // namespace countersign::cli
