// A partner's XML answer: nothing larger than the limit is read, and an expression of the configuration can be asked of
// it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "ehi/xpath_rule.h"

using countersign::ehi::XmlDocument;
using countersign::ehi::XPathRule;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto always = *XPathRule::parse("true()", {});
  static const auto there = *XPathRule::parse("//d:code = '00' or count(//*[@*]) > 3", {{"d", "urn:decision"}});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = XmlDocument::parse(text);
  if (!document) return 0;
  BASE_CHECK(size <= XmlDocument::kBytes);
  BASE_CHECK(document->holds(always));
  (void)document->holds(there);
  return 0;
}
