// A partner's XML answer: no document is read that holds an entity of its own, or is larger or deeper than the limits say,
// and no expression of the configuration does more than its steps.
#include <string_view>

#include "base/check.h"
#include "ehi/xpath_rule.h"

using countersign::ehi::XmlDocument;
using countersign::ehi::XPathRule;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  static const auto always = *XPathRule::parse("true()", {});
  static const auto there = *XPathRule::parse("//d:code = '00' or count(//*[@*]) > 3", {{"d", "urn:decision"}});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = XmlDocument::parse(text);
  if (!document) return 0;
  BASE_CHECK(size <= XmlDocument::kBytes);
  BASE_CHECK(text.find("<!ENTITY") == std::string_view::npos || text.find("<!DOCTYPE") == std::string_view::npos ||
             text.find("<![CDATA[") != std::string_view::npos || text.find("<!--") != std::string_view::npos);
  BASE_CHECK(document->holds(always));
  (void)document->holds(there);
  return 0;
}
