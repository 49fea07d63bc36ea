// Whether it is there, speaks TLS, and which TLS.
#include "check/verdicts.h"

namespace countersign::check {
namespace {

/// RFC 7919: the smallest group by which nothing is lost against 112 bits.
constexpr int kFiniteFieldBits = 2048;

/// What nobody answered was not refused either.
Verdict unless_unanswered(const Observations& seen, Verdict verdict) {
  if (seen.unanswered.empty()) return verdict;
  return not_tried("a ClientHello met neither an answer nor a refusal: " + seen.unanswered,
                   seen.asker == Asker::command
                       ? "run the check again, with more --patience; does something count connections?"
                       : "ask for the check again; does something count connections?");
}

}  // namespace

Verdict judge_connect(const Observations& seen, const Check&) {
  if (seen.unreachable) return failure(*seen.unreachable);
  return passed("'" + seen.host + "' takes connections");
}

Verdict judge_tls(const Observations& seen, const Check&) {
  if (seen.unreachable) return not_tried("nobody was reached", "mend reach.connect first");
  if (!seen.first) return failure("no answer to a ClientHello: " + seen.silent);
  if (seen.first->kind == HelloAnswer::Kind::plaintext)
    return failure("the port answers without TLS: \"" + seen.first->words + "\"");
  return passed("the port answers with TLS");
}

Verdict judge_modern(const Observations& seen, const Check&) {
  if (seen.tls13.offered)
    return passed(seen.tls12.offered ? "TLS 1.3 and TLS 1.2 are offered" : "TLS 1.3 is offered, and nothing before it");
  if (seen.tls12.offered) return warning("TLS 1.2 is offered, TLS 1.3 is not");
  const std::string why = seen.tls13.failure.empty() ? "" : " (" + seen.tls13.failure + ")";
  return failure("neither TLS 1.3 nor TLS 1.2 came about" + why);
}

Verdict judge_old(const Observations& seen, const Check&) {
  std::vector<std::string> offered;
  for (const WireVersion version : seen.old_versions)
    offered.emplace_back(name(version));
  if (offered.empty()) return unless_unanswered(seen, passed("SSL 3.0, TLS 1.0 and TLS 1.1 are refused"));
  return failure("offered: " + listed(offered));
}

Verdict judge_broken_ciphers(const Observations& seen, const Check&) {
  constexpr const char* kNone = "none of those without encryption, anonymous, exportable, RC4, DES, 3DES";
  if (seen.broken_ciphers.empty()) return unless_unanswered(seen, passed(kNone));
  return failure("chosen when offered: " + listed(seen.broken_ciphers));
}

Verdict judge_forward_secrecy(const Observations& seen, const Check&) {
  if (seen.static_ciphers.empty())
    return unless_unanswered(seen, passed("every key is agreed anew for each connection"));
  return warning("chosen when nothing better is offered: " + listed(seen.static_ciphers));
}

Verdict judge_finite_field(const Observations& seen, const Check&) {
  if (seen.finite_field_bits == 0) return passed("no Diffie-Hellman over integers is offered");
  const std::string bits = std::to_string(seen.finite_field_bits) + " bits";
  if (seen.finite_field_bits < kFiniteFieldBits) return failure("the Diffie-Hellman group has " + bits);
  return passed("the Diffie-Hellman group has " + bits);
}

Verdict judge_renegotiation(const Observations& seen, const Check&) {
  if (!seen.tls12.offered) return passed("TLS 1.3 knows no renegotiation");
  if (!seen.tls12.sighting.secure_renegotiation)
    return failure("the server does not know RFC 5746: what one caller sends can be put before another's words");
  return passed("bound to its connection (RFC 5746)");
}

Verdict judge_compression(const Observations& seen, const Check&) {
  if (seen.compression) return failure("the server compresses what is encrypted (DEFLATE)");
  return unless_unanswered(seen, passed("none"));
}

}  // namespace countersign::check
