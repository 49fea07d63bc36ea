// What there is not to check with, and who can bring it: in the words of whoever asks.
#include "base/check.h"
#include "check/verdicts.h"

namespace countersign::check {
namespace {

/// In place of the provider's certificates, where the authority shows none of them.
std::optional<Verdict> withheld(const Observations& seen) {
  switch (seen.asker) {
    case Asker::command:
    case Asker::authority: return std::nullopt;
    case Asker::unconfirmed:
      return not_tried("an operator has not confirmed this server yet",
                       "ask the provider's operators to confirm it (countersign admin ehi-servers confirm)");
    case Asker::unproven:
      return not_tried("the server does not prove to be this host: it is shown nothing of the provider's",
                       "mend certificate.chain, certificate.trust, certificate.name and certificate.validity first");
  }
  BASE_UNREACHABLE();
}

/// What somebody at the command line has to give, and what the authority's operators have to.
struct Bringers {
  std::string command;
  std::string operators;
};

Verdict missing(const Observations& seen, std::string why, Bringers how_to) {
  const bool by_command = seen.asker == Asker::command;
  return not_tried(std::move(why), std::move(by_command ? how_to.command : how_to.operators));
}

}  // namespace

Verdict no_own(const Observations& seen, std::string why) {
  if (auto verdict = withheld(seen)) return std::move(*verdict);
  return missing(seen, std::move(why),
                 {"give --cert FILE and --key FILE, the provider's EHI certificate",
                  "the provider's operators have to give the authority its EHI certificate"});
}

Verdict no_next(const Observations& seen) {
  if (auto verdict = withheld(seen)) return std::move(*verdict);
  return missing(seen, "there is no certificate of a CA that is to follow",
                 {"while a change is announced, give --next-cert and --next-key: one that the next CA has issued",
                  "while a change is announced, the provider's operators have to give the authority one that the next "
                  "CA has issued"});
}

Verdict no_ca(const Observations& seen, std::string why) {
  return missing(seen, std::move(why),
                 {"give --trust-chain FILE, the provider's trust chain",
                  "the provider's operators have to see to the authority's trust chain"});
}

Verdict no_test_credential(const Observations& seen, std::string_view name) {
  if (auto verdict = withheld(seen)) return std::move(*verdict);
  const std::string files = std::string(name) + ".pem and " + std::string(name) + ".key";
  return missing(
      seen, "only the provider's authority can make such a certificate",
      {"give --test-credentials DIR with " + files + "; docs/check-ehi.md says how they are made",
       "the provider's operators have to give the authority " + files + "; docs/check-ehi.md says how they are made"});
}

}  // namespace countersign::check
