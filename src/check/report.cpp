#include "check/report.h"

#include <algorithm>
#include <array>

namespace countersign::check {
namespace {

/// Of a line of text with a remedy.
constexpr std::size_t kWidth = 120;
constexpr std::array kSeverities = {Severity::fail, Severity::warn, Severity::pass, Severity::not_tried};

struct Section {
  std::string_view prefix;
  std::string_view title;
};

constexpr Section kSections[] = {{"reach.", "Reaching it"},
                                 {"protocol.", "Protocol"},
                                 {"cipher.", "Ciphers"},
                                 {"certificate.", "Its certificate"},
                                 {"client.", "Asking for the provider's certificate"},
                                 {"refuse.", "Refusing everybody else"},
                                 {"behaviour.", "Behaviour"}};

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

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

/// Broken between words into lines of kWidth at most where words allow, all behind `indent` spaces.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out(indent, ' ');
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + end > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) out += ' ';
    out += text.substr(0, end);
    column += end + 1;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

std::string text_of(const Finding& finding, std::size_t id_width) {
  constexpr std::size_t kLabelWidth = 9;
  std::string line = "  " + padded(label(finding.severity), kLabelWidth) + "  " + padded(finding.id, id_width) + "  " +
                     finding.evidence + "\n";
  if (!finding.remedy.empty()) line += wrapped("-> " + finding.remedy, 2 + kLabelWidth + 2 + id_width + 2);
  return line;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char character : text) {
    switch (character) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += character;
    }
  }
  return out;
}

constexpr std::string_view kStyle =
    "body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:52rem;color:#1a1a1a;background:#fff}"
    "h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:1.5rem 0 .3rem}"
    "p{margin:.2rem 0;overflow-wrap:anywhere}"
    ".f{border-left:.35rem solid;padding:.3rem .7rem;margin:.4rem 0;break-inside:avoid}"
    ".f b{display:inline-block;min-width:5.5rem}"
    "code{font-size:.9em;color:#555}"
    ".fail{border-color:#b00020}.fail b{color:#b00020}.warn{border-color:#9a6700}.warn b{color:#9a6700}"
    ".pass{border-color:#1a7f37}.pass b{color:#1a7f37}.not_tried{border-color:#8c959f}.not_tried b{color:#57606a}"
    ".r{border-left:1px solid #ccc;padding-left:.6rem}"
    "@media print{body{font-size:11px;max-width:none}}";

std::string html_of(const Finding& finding) {
  std::string html = "<div class=\"f " + std::string(name(finding.severity)) + "\"><p><b>" + label(finding.severity) +
                     "</b> " + escaped(finding.title) + " <code>" + escaped(finding.id) + "</code></p><p>" +
                     escaped(finding.evidence) + "</p>";
  if (!finding.remedy.empty()) html += "<p class=\"r\">" + escaped(finding.remedy) + "</p>";
  return html + "</div>\n";
}

}  // namespace

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

std::string to_html(const Report& report) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Go-live check of " +
      escaped(report.url) + "</title><style>" + std::string(kStyle) + "</style></head><body>\n<h1>Go-live check of " +
      escaped(report.url) + "</h1>\n<p>" + base::to_rfc3339(report.at);
  if (report.server != ServerKind::unknown) html += " &middot; seems to be " + std::string(name(report.server));
  html += "</p>\n<p><strong>" + summary(report) + "</strong></p>\n";
  for (const Section& section : kSections) {
    html += "<h2>" + escaped(section.title) + "</h2>\n";
    for (const Finding* finding : findings_in(report, section))
      html += html_of(*finding);
  }
  return html + "</body></html>\n";
}

}  // namespace countersign::check
