// The judges behind the table of checks, and the few words they have in common. Private to check.
#pragma once

#include "check/judge.h"

namespace countersign::check {

inline Verdict passed(std::string evidence) { return {Severity::pass, std::move(evidence)}; }
inline Verdict warning(std::string evidence) { return {Severity::warn, std::move(evidence)}; }
inline Verdict failure(std::string evidence) { return {Severity::fail, std::move(evidence)}; }
inline Verdict not_tried(std::string why, std::string how_to) {
  return {Severity::not_tried, std::move(why), std::move(how_to)};
}

/// Not tried for want of the provider's certificate, of one by its next CA, of its CAs, or of the test credential
/// `name`; how to mend it as whoever asks can (asker.h).
Verdict no_own(const Observations& seen, std::string why);
Verdict no_next(const Observations& seen);
Verdict no_ca(const Observations& seen, std::string why);
Verdict no_test_credential(const Observations& seen, std::string_view name);
/// The same with what the evidence is followed by.
inline Verdict with_list(Verdict verdict, std::vector<std::string> listed) {
  verdict.listed = std::move(listed);
  return verdict;
}

/// "1.50 ms".
std::string in_milliseconds(base::Duration duration);
/// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& words);
/// The smallest that at least `percent` of them do not exceed; `sample` must not be empty.
base::Duration percentile(std::vector<base::Duration> sample, unsigned percent);
/// Was a certificate asked for in any handshake that was looked at, or later?
bool asks_at_all(const Observations& seen);

Verdict judge_connect(const Observations& seen, const Check& check);
Verdict judge_tls(const Observations& seen, const Check& check);

Verdict judge_modern(const Observations& seen, const Check& check);
Verdict judge_old(const Observations& seen, const Check& check);
Verdict judge_broken_ciphers(const Observations& seen, const Check& check);
Verdict judge_forward_secrecy(const Observations& seen, const Check& check);
Verdict judge_finite_field(const Observations& seen, const Check& check);
Verdict judge_renegotiation(const Observations& seen, const Check& check);
Verdict judge_compression(const Observations& seen, const Check& check);

Verdict judge_chain(const Observations& seen, const Check& check);
Verdict judge_order(const Observations& seen, const Check& check);
Verdict judge_trust(const Observations& seen, const Check& check);
Verdict judge_name(const Observations& seen, const Check& check);
Verdict judge_validity(const Observations& seen, const Check& check);
Verdict judge_strength(const Observations& seen, const Check& check);
Verdict judge_purpose(const Observations& seen, const Check& check);
Verdict judge_staple(const Observations& seen, const Check& check);

Verdict judge_asked(const Observations& seen, const Check& check);
Verdict judge_names_our_ca(const Observations& seen, const Check& check);
Verdict judge_only_our_ca(const Observations& seen, const Check& check);
Verdict judge_accepts_next(const Observations& seen, const Check& check);
Verdict judge_accepts_ours(const Observations& seen, const Check& check);
/// For each of the checks "refuse.*", by its name.
Verdict judge_refusal(const Observations& seen, const Check& check);

Verdict judge_answer(const Observations& seen, const Check& check);
Verdict judge_latency(const Observations& seen, const Check& check);
Verdict judge_new_connection(const Observations& seen, const Check& check);
Verdict judge_keep_alive(const Observations& seen, const Check& check);
Verdict judge_resumption(const Observations& seen, const Check& check);

}  // namespace countersign::check
