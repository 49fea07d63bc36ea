#include "check/report.h"

#include <algorithm>
#include <array>

#include "check/sections.h"

namespace countersign::check {
namespace {

/// Longer words in a report that comes from elsewhere are cut, in bytes.
constexpr std::size_t kWords = 4000;
constexpr std::array kSeverities = {Severity::fail, Severity::warn, Severity::pass, Severity::not_tried};

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string text_of(const Finding& finding, std::size_t id_width) {
  constexpr std::size_t kLabelWidth = 9;
  std::string line = "  " + padded(label(finding.severity), kLabelWidth) + "  " + padded(finding.id, id_width) + "  " +
                     finding.evidence + "\n";
  if (!finding.remedy.empty())
    line += std::string(2 + kLabelWidth + 2 + id_width + 2, ' ') + "-> " + finding.remedy + "\n";
  return line;
}

}  // namespace

std::string label(Severity severity) {
  switch (severity) {
    case Severity::fail: return "FAIL";
    case Severity::warn: return "warn";
    case Severity::pass: return "pass";
    case Severity::not_tried: return "not tried";
  }
  return {};
}

std::vector<const Finding*> findings_in(const Report& report, const Section& section) {
  std::vector<const Finding*> found;
  for (const Finding& finding : report.findings)
    if (finding.id.starts_with(section.prefix)) found.push_back(&finding);
  return found;
}

std::string summary(const Report& report) {
  return std::to_string(report.count(Severity::fail)) + " failed, " + std::to_string(report.count(Severity::warn)) +
         " to look at, " + std::to_string(report.count(Severity::pass)) + " passed, " +
         std::to_string(report.count(Severity::not_tried)) + " not tried";
}

std::string to_text(const Report& report) {
  std::size_t width = 0;
  for (const Finding& finding : report.findings)
    width = std::max(width, finding.id.size());
  std::string text = report.url + "  " + base::to_rfc3339(report.at);
  if (report.server != ServerKind::unknown) text += "  (" + std::string(name(report.server)) + ")";
  text += "\n";
  for (const Section& section : kSections) {
    text += "\n" + std::string(section.title) + "\n";
    for (const Finding* finding : findings_in(report, section))
      text += text_of(*finding, width);
  }
  return text + "\n" + summary(report) + "\n";
}

base::json::object to_json(const Report& report) {
  base::json::object counts;
  for (const Severity severity : kSeverities)
    counts[name(severity)] = report.count(severity);
  base::json::array findings;
  for (const Finding& finding : report.findings)
    findings.push_back(base::json::object{{"id", finding.id},
                                          {"severity", std::string(name(finding.severity))},
                                          {"title", finding.title},
                                          {"evidence", finding.evidence},
                                          {"remedy", finding.remedy}});
  return base::json::object{{"url", report.url},
                            {"at", base::to_rfc3339(report.at)},
                            {"server", std::string(name(report.server))},
                            {"verdict", report.count(Severity::fail) == 0 ? "pass" : "fail"},
                            {"counts", std::move(counts)},
                            {"findings", std::move(findings)}};
}

base::Result<Report> parse_report(const base::json::object& json) {
  const base::json::value value(json);
  BASE_TRY(auto reader, base::JsonReader::of(value));
  Report report;
  BASE_TRY(const std::string url, reader.text("url"));
  BASE_TRY(const std::string at, reader.text("at"));
  BASE_TRY(const std::string server, reader.text_or("server", ""));
  report.url = plain(url, kWords);
  BASE_TRY(report.at, base::parse_rfc3339(at));
  for (const ServerKind kind : {ServerKind::nginx, ServerKind::haproxy, ServerKind::httpd, ServerKind::node})
    if (server == name(kind)) report.server = kind;
  const base::json::value* findings = json.if_contains("findings");
  if (findings == nullptr || !findings->is_array()) return report;
  for (const base::json::value& one : findings->get_array()) {
    BASE_TRY(auto finding, base::JsonReader::of(one));
    BASE_TRY(const std::string severity, finding.text("severity"));
    const auto known = std::ranges::find(kSeverities, severity, [](Severity of) { return name(of); });
    if (known == kSeverities.end()) continue;
    Finding read{};
    read.severity = *known;
    const std::pair<const char*, std::string*> members[] = {
        {"id", &read.id}, {"title", &read.title}, {"evidence", &read.evidence}, {"remedy", &read.remedy}};
    for (const auto& [member, into] : members) {
      BASE_TRY(const std::string text, finding.text(member));
      *into = plain(text, kWords);
    }
    report.findings.push_back(std::move(read));
  }
  return report;
}

}  // namespace countersign::check
