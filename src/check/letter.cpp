// A Report as one page for the partner.
#include <algorithm>

#include "check/report.h"
#include "check/sections.h"
#include "check/verdicts.h"

namespace countersign::check {
namespace {

constexpr std::string_view kStyle =
    "body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:52rem;color:#1a1a1a;background:#fff}"
    "h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:1.5rem 0 .3rem}"
    "p,li{margin:.2rem 0;overflow-wrap:anywhere}ul{margin:.2rem 0;padding-left:1.2rem}"
    ".v{font-size:1.1rem;font-weight:600;padding:.6rem .8rem;border:2px solid;border-radius:.3rem;margin:.8rem 0}"
    ".f{border-left:.35rem solid;padding:.3rem .7rem;margin:.6rem 0;break-inside:avoid}"
    ".f b{display:block;font-size:.85rem}.t{font-weight:600}"
    "code{font:14px/1.4 ui-monospace,monospace;color:#555}"
    ".fail{border-color:#b00020}.fail b,.v.fail{color:#b00020}.warn{border-color:#9a6700}.warn b,.v.warn{color:#9a6700}"
    ".pass{border-color:#1a7f37}.pass b,.v.pass{color:#1a7f37}.not_tried{border-color:#57606a}.not_tried "
    "b{color:#57606a}"
    ".r{border-left:2px solid #8c959f;padding-left:.6rem}"
    "@media print{body{font-size:11px;max-width:none}code{font-size:10px}}";

constexpr std::string_view kGuide = "docs/";
constexpr std::string_view kGuideSuffix = ".md";

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

/// May be broken behind its slashes before it is anywhere else.
std::string breakable(std::string_view url) {
  std::string out;
  for (const char character : url) {
    out += escaped(std::string_view(&character, 1));
    if (character == '/') out += "<wbr>";
  }
  return out;
}

class Page {
 public:
  Page(const Report& report, const Letter& letter) : report_(report), letter_(letter) {}
  std::string write() const;

 private:
  std::string head() const;
  std::string verdict() const;
  std::string rich(std::string_view text) const;
  std::string rich_word(std::string_view word) const;
  std::string guide(std::string_view file) const;
  std::string block(const Finding& finding) const;
  std::string blocks(Severity severity, std::string_view title) const;

  const Report& report_;
  const Letter& letter_;
};

bool is_fault(const Finding& finding) {
  return finding.severity == Severity::fail || finding.severity == Severity::warn;
}

std::string of_checks(std::size_t count, std::string_view what) {
  return std::to_string(count) + (count == 1 ? " check " : " checks ") + std::string(what);
}

std::string Page::head() const {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Go-live check of " +
      escaped(report_.url) + "</title><style>" + std::string(kStyle) + "</style></head><body>\n<h1>Go-live check of " +
      breakable(report_.url) + "</h1>\n<p>";
  if (!report_.provider.empty()) html += "By <strong>" + escaped(report_.provider) + "</strong>, ";
  html += base::to_rfc3339(report_.at);
  if (report_.server != ServerKind::unknown)
    html += " &middot; the server seems to be " + std::string(name(report_.server));
  return html + "</p>\n";
}

/// In words, and coloured.
std::string Page::verdict() const {
  const std::size_t failed = report_.count(Severity::fail);
  const std::size_t warned = report_.count(Severity::warn);
  const std::string to_look_at = warned == 0 ? "" : ", and " + of_checks(warned, "found something to look at");
  if (failed != 0) return "<p class=\"v fail\">Not ready: " + of_checks(failed, "failed") + to_look_at + ".</p>\n";
  if (warned != 0)
    return "<p class=\"v warn\">Nothing failed; " + of_checks(warned, "found something to look at") + ".</p>\n";
  return "<p class=\"v pass\">Ready, as far as it was looked at: nothing failed.</p>\n";
}

std::string Page::guide(std::string_view file) const {
  const std::string called(file.substr(kGuide.size(), file.size() - kGuide.size() - kGuideSuffix.size()));
  if (letter_.guides.empty()) return "the provider&#39;s guide &ldquo;" + escaped(called) + "&rdquo;";
  const std::string slash = letter_.guides.ends_with('/') ? "" : "/";
  return "<a href=\"" + escaped(letter_.guides + slash + called + std::string(kGuideSuffix)) + "\">the guide " +
         escaped(called) + "</a>";
}

/// The name of a check leads to it; a guide is linked, or named as something that the partner can ask for.
std::string Page::rich_word(std::string_view word) const {
  const std::size_t first = std::min(word.find_first_not_of('('), word.size());
  const std::size_t last = word.find_last_not_of(").,;:");
  if (last == std::string_view::npos || last < first) return escaped(word);
  const std::string_view core = word.substr(first, last + 1 - first);
  std::string inner = escaped(core);
  if (core.starts_with(kGuide) && core.ends_with(kGuideSuffix)) inner = guide(core);
  if (std::ranges::find(report_.findings, core, &Finding::id) != report_.findings.end())
    inner = "<a href=\"#" + escaped(core) + "\">" + escaped(core) + "</a>";
  return escaped(word.substr(0, first)) + inner + escaped(word.substr(last + 1));
}

std::string Page::rich(std::string_view text) const {
  std::string html;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    html += rich_word(text.substr(0, end));
    if (end < text.size()) html += ' ';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return html;
}

std::string Page::block(const Finding& finding) const {
  std::string html = "<div class=\"f " + std::string(name(finding.severity)) + "\" id=\"" + escaped(finding.id) +
                     "\"><p><b>" + label(finding.severity) + "</b><span class=\"t\">" + escaped(finding.title) +
                     "</span> <code>" + escaped(finding.id) + "</code></p>";
  std::string lead = finding.evidence;
  if (finding.listed.size() > 1) lead.resize(lead.size() - listed(finding.listed).size() - 1);
  html += "<p>" + escaped(lead) + "</p>";
  if (finding.listed.size() > 1) {
    html += "<ul>";
    for (const std::string& one : finding.listed)
      html += "<li>" + escaped(one) + "</li>";
    html += "</ul>";
  }
  // How something else can be tried is the provider's to know, unless it is the partner who has to mend something
  // first.
  const bool for_partner = is_fault(finding) || finding.remedy.starts_with("mend ");
  if (for_partner && !finding.remedy.empty())
    html +=
        "<p class=\"r\">" + std::string(is_fault(finding) ? "" : "To have it tried: ") + rich(finding.remedy) + "</p>";
  return html + "</div>\n";
}

std::string Page::blocks(Severity severity, std::string_view title) const {
  if (report_.count(severity) == 0) return {};
  std::string html = "<h2>" + std::string(title) + "</h2>\n";
  for (const Finding& finding : report_.findings)
    if (finding.severity == severity) html += block(finding);
  return html;
}

std::string Page::write() const {
  std::string html = head() + verdict() + "<p>" + summary(report_) + "</p>\n";
  html += blocks(Severity::fail, "To mend") + blocks(Severity::warn, "To look at");
  for (const Section& section : kSections) {
    std::string others;
    for (const Finding* finding : findings_in(report_, section))
      if (!is_fault(*finding)) others += block(*finding);
    if (!others.empty()) html += "<h2>" + escaped(section.title) + "</h2>\n" + others;
  }
  return html + "</body></html>\n";
}

}  // namespace

std::string to_html(const Report& report, const Letter& letter) { return Page(report, letter).write(); }

}  // namespace countersign::check
