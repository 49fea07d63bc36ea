// Whom the server asks for, lets in and refuses.
#include <algorithm>

#include "check/attempts.h"
#include "check/target.h"
#include "check/verdicts.h"

namespace countersign::check {
namespace {

using End = Attempt::End;

/// What became of an attempt, in words.
std::string outcome_of(const Attempt& attempt) {
  switch (attempt.end) {
    case End::answered: return "HTTP " + std::to_string(attempt.status);
    case End::alert: return attempt.words;
    case End::closed: return "the connection was closed: " + attempt.words;
    case End::late: return "neither refused nor answered in time";
    case End::unclear: return attempt.words;
  }
  return {};
}

bool is_ours(const Observations& seen, const std::string& name) {
  return std::ranges::find(seen.own_ca_names, name) != seen.own_ca_names.end();
}

std::size_t count_of_ours(const Observations& seen) {
  const auto& named = seen.best().sighting.ca_names;
  return static_cast<std::size_t>(
      std::ranges::count_if(named, [&](const std::string& name) { return is_ours(seen, name); }));
}

Verdict nobody_asked() {
  return not_tried("the server asks for no certificate in the handshake", "mend client.asked first");
}

/// Was an impostor let in? Also where the application itself said 400, as it says to the provider.
bool is_let_in(const Attempt& attempt, const Observations& seen) {
  if (attempt.end != End::answered || attempt.says_certificate) return false;
  if (!is_refusal_status(attempt.status)) return true;
  return is_accepted(seen.ours) && attempt.status == seen.ours->status && attempt.body == seen.ours->body;
}

const TestFile* find_test_file(std::string_view check) {
  const auto files = test_files();
  const auto found = std::ranges::find(files, check, &TestFile::check);
  return found == files.end() ? nullptr : &*found;
}

Verdict impostor_not_tried(const Observations& seen, const Check& check) {
  const auto known = seen.impostors.find(check.name);
  if (known != seen.impostors.end()) return no_ca(seen, known->second.why_not);
  if (const TestFile* file = find_test_file(check.name)) return no_test_credential(seen, file->name);
  return no_own(seen, "there is no genuine certificate to imitate");
}

}  // namespace

bool asks_at_all(const Observations& seen) { return seen.best().sighting.asked || seen.asked_late; }

Verdict judge_asked(const Observations& seen, const Check&) {
  std::vector<std::string> asking;
  std::vector<std::string> silent;
  for (const Look* look : {&seen.tls13, &seen.tls12, &seen.oldest})
    if (look->offered) (look->sighting.asked ? asking : silent).push_back(plain(look->sighting.version));
  if (asking.empty() && silent.empty()) return not_tried("no handshake came about", "mend protocol.modern first");
  if (silent.empty()) return passed("in every handshake: " + listed(asking));
  if (!asking.empty()) return failure("asked for in " + listed(asking) + ", not in " + listed(silent));
  if (seen.asked_late)
    return failure("asked for only after the handshake, when a request is there: by renegotiation or post-handshake");
  return failure("no certificate is asked for");
}

Verdict judge_names_our_ca(const Observations& seen, const Check&) {
  if (!seen.best().sighting.asked) return nobody_asked();
  if (seen.own_ca_names.empty()) return no_ca(seen, "the provider's CAs are not known");
  const auto& named = seen.best().sighting.ca_names;
  if (named.empty()) return passed("no CA is named: callers may send whatever they have");
  if (count_of_ours(seen) > 0)
    return passed(std::to_string(count_of_ours(seen)) + " of the provider's " +
                  std::to_string(seen.own_ca_names.size()) + " CAs are named");
  std::vector<std::string> texts;
  for (const std::string& text : seen.best().sighting.ca_texts)
    texts.push_back(plain(text));
  return with_list(failure("asked for: certificates of"), std::move(texts));
}

Verdict judge_only_our_ca(const Observations& seen, const Check&) {
  if (!seen.best().sighting.asked) return nobody_asked();
  if (seen.own_ca_names.empty()) return no_ca(seen, "the provider's CAs are not known");
  const tls::Sighting& sighting = seen.best().sighting;
  if (sighting.ca_names.empty()) return passed("no CA is named");
  if (count_of_ours(seen) == 0)
    return not_tried("none of the provider's CAs is named", "mend client.names_our_ca first");
  std::vector<std::string> strangers;
  for (std::size_t i = 0; i < sighting.ca_names.size(); ++i)
    if (!is_ours(seen, sighting.ca_names[i])) strangers.push_back(plain(sighting.ca_texts[i]));
  if (strangers.empty()) return passed("the provider's alone");
  return with_list(warning("certificates of others are taken as well:"), std::move(strangers));
}

Verdict judge_accepts_ours(const Observations& seen, const Check&) {
  if (!seen.ours) return no_own(seen, "there is no certificate of the provider to show");
  if (!asks_at_all(seen)) return nobody_asked();
  const Attempt& ours = *seen.ours;
  if (ours.end == End::late || ours.end == End::unclear)
    return not_tried("nothing came that would tell: " + outcome_of(ours), "mend behaviour.answer first");
  if (is_accepted(ours)) return passed("a request is answered: " + outcome_of(ours));
  return failure("refused: " + outcome_of(ours) + (ours.says_certificate ? ", with words about the certificate" : ""));
}

Verdict judge_accepts_next(const Observations& seen, const Check&) {
  if (seen.next_ca.empty()) return no_next(seen);
  if (!asks_at_all(seen)) return nobody_asked();
  if (!seen.ours || !is_accepted(*seen.ours))
    return not_tried("the provider's certificate of today is not let in, or there is none",
                     "mend client.accepts_ours first");
  const Attempt& next = *seen.next;
  if (next.end == End::late || next.end == End::unclear)
    return not_tried("nothing came that would tell: " + outcome_of(next), "mend behaviour.answer first");
  if (is_accepted(next)) return passed("a certificate by " + seen.next_ca + " is let in: " + outcome_of(next));
  return failure("a certificate by " + seen.next_ca + " is refused: " + outcome_of(next));
}

Verdict judge_refusal(const Observations& seen, const Check& check) {
  if (!asks_at_all(seen)) return nobody_asked();
  const auto known = seen.impostors.find(check.name);
  if (known == seen.impostors.end() || !known->second.attempt) return impostor_not_tried(seen, check);
  const Attempt& attempt = *known->second.attempt;
  if (is_let_in(attempt, seen)) return failure("let in: " + outcome_of(attempt));
  if (attempt.end == End::late || attempt.end == End::unclear) return warning(outcome_of(attempt));
  if (seen.has_own && !is_accepted(seen.ours))
    return not_tried("refused (" + outcome_of(attempt) + "), but so is the provider's own certificate",
                     "mend client.accepts_ours first");
  return passed("refused: " + outcome_of(attempt));
}

}  // namespace countersign::check
