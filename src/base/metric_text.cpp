#include "base/metric_text.h"

namespace countersign::base {

std::string metric_label(std::string_view key, std::string_view value) {
  std::string text(key);
  text += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') text += "\\n";
    else text += c;
  }
  return text += '"';
}

std::string MetricText::heading(std::string_view name, std::string_view type, std::string_view help) const {
  std::string full(prefix_);
  full += name;
  return "# HELP " + full + " " + std::string(help) + "\n# TYPE " + full + " " + std::string(type) + "\n";
}

std::string MetricText::line(std::string_view name, std::string_view labels, std::string_view value) const {
  std::string text(prefix_);
  text += name;
  if (!labels.empty()) ((text += '{') += labels) += '}';
  return ((text += ' ') += value) += '\n';
}

}  // namespace countersign::base
