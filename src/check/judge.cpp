#include "check/judge.h"

#include <algorithm>

#include "check/verdicts.h"

namespace countersign::check {
namespace {

constexpr std::size_t kListed = 6;

bool has_tls(const Observations& seen) { return seen.first && seen.first->kind != HelloAnswer::Kind::plaintext; }

Verdict verdict_of(const Observations& seen, const Check& check) {
  if (!has_tls(seen) && !check.name.starts_with("reach."))
    return not_tried("there was no TLS to look at",
                     seen.unreachable ? "mend reach.connect first" : "mend reach.tls first");
  return check.judge(seen, check);
}

std::string remedy_of(const Verdict& verdict, const Check& check, ServerKind server) {
  switch (verdict.severity) {
    case Severity::pass: return {};
    case Severity::not_tried: return verdict.how_to;
    case Severity::fail:
    case Severity::warn: break;
  }
  std::string remedy = verdict.how_to.empty() ? std::string(check.remedy) : verdict.how_to;
  if (const std::string_view lines = hint(check.name, server); !lines.empty())
    remedy += " In " + std::string(name(server)) + ": " + std::string(lines);
  return remedy;
}

}  // namespace

const Look& Observations::best() const { return tls13.offered ? tls13 : tls12.offered ? tls12 : oldest; }

std::string in_milliseconds(base::Duration duration) {
  const auto hundredths = (duration.count() + 5) / 10;
  const std::string decimals = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + (decimals.size() == 1 ? ".0" : ".") + decimals + " ms";
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < kListed; ++i)
    text += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > kListed) text += " and " + std::to_string(words.size() - kListed) + " more";
  return text;
}

base::Duration percentile(std::vector<base::Duration> sample, unsigned percent) {
  std::ranges::sort(sample);
  const std::size_t rank = (sample.size() * percent + 99) / 100;
  return sample[std::max<std::size_t>(rank, 1) - 1];
}

Report judge(const Observations& seen, std::string url) {
  Report report{.url = std::move(url), .at = seen.at, .provider = seen.provider, .server = seen.server, .findings = {}};
  for (const Check& check : checks()) {
    Verdict verdict = verdict_of(seen, check);
    std::string remedy = remedy_of(verdict, check, seen.server);
    const bool faulty = verdict.severity == Severity::fail || verdict.severity == Severity::warn;
    std::string evidence = std::move(verdict.evidence);
    if (!verdict.listed.empty()) evidence += " " + listed(verdict.listed);
    report.findings.push_back({.id = std::string(check.name),
                               .severity = verdict.severity,
                               .title = std::string(faulty ? fault(check.name) : check.title),
                               .evidence = std::move(evidence),
                               .remedy = std::move(remedy),
                               .listed = std::move(verdict.listed)});
  }
  return report;
}

}  // namespace countersign::check
