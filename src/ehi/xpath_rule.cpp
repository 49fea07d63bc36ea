#include "ehi/xpath_rule.h"

#include <algorithm>
#include <array>
#include <optional>

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "http/text.h"

namespace countersign::ehi {
namespace {

using Context = std::unique_ptr<xmlXPathContext, decltype(&xmlXPathFreeContext)>;

// No XML_PARSE_NOENT, no XML_PARSE_DTDLOAD, and no XML_PARSE_HUGE, which would lift libxml2's own limits.
constexpr int kOptions = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS;

/// Encodings in which every byte below 0x80 is the ASCII character: what is scanned is what libxml2 reads.
constexpr std::array<std::string_view, 5> kEncodings = {"utf-8", "us-ascii", "iso-8859-1", "iso-8859-15",
                                                        "windows-1252"};

const xmlChar* to_xml(const std::string& text) { return reinterpret_cast<const xmlChar*>(text.c_str()); }

tl::unexpected<base::Error> refused(const char* what) {
  return base::fail(base::Kind::invalid, "ehi.xml", std::string("the answer is not XML that is read here: ") + what);
}

/// What the XML declaration says, in lower case; UTF-8 without. Nothing where that is not an encoding of ours.
std::optional<std::string> encoding_of(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!text.starts_with("<?xml")) return std::string(kEncodings.front());
  const std::string_view declaration = text.substr(0, text.find("?>"));
  const std::size_t at = declaration.find("encoding");
  if (at == std::string_view::npos) return std::string(kEncodings.front());
  const std::size_t begin = declaration.find_first_of("'\"", at);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = declaration.find(declaration[begin], begin + 1);
  if (end == std::string_view::npos) return std::nullopt;
  std::string name(declaration.substr(begin + 1, end - begin - 1));
  std::ranges::transform(name, name.begin(), http::to_lower);
  if (std::ranges::find(kEncodings, name) == kEncodings.end()) return std::nullopt;
  return name;
}

/// libxml2 2.9 compares every attribute of a tag with every other one. What stands in a comment or a CDATA section and
/// looks like such a tag is counted, too.
bool has_crowded_tag(std::string_view text) {
  std::size_t count = 0;
  bool in_tag = false;
  char quote = 0;
  for (const char c : text) {
    if (!in_tag) {
      in_tag = c == '<';
      count = 0;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      in_tag = false;
    } else if (c == '=' && ++count > XmlDocument::kAttributes) {
      return true;
    }
  }
  return false;
}

/// A DOCTYPE is where entities come from, and files that are to be loaded.
void refuse_doctype(void* parser, const xmlChar*, const xmlChar*, const xmlChar*) {
  auto* context = static_cast<xmlParserCtxt*>(parser);
  *static_cast<bool*>(context->_private) = true;
  xmlStopParser(context);
}

void say_nothing(void*, const char*, ...) {}

Context make_context(xmlDoc* document, const XmlNamespaces& namespaces) {
  Context context(xmlXPathNewContext(document), xmlXPathFreeContext);
  if (context == nullptr) return context;
  context->error = [](void*, auto) {};           // told by what is returned, and not on the standard error
  xmlSetGenericErrorFunc(nullptr, say_nothing);  // of this thread
  context->opLimit = XmlDocument::kSteps;
  for (const auto& [prefix, uri] : namespaces)
    (void)xmlXPathRegisterNs(context.get(), to_xml(prefix), to_xml(uri));
  return context;
}

}  // namespace

base::Result<XPathRule> XPathRule::parse(std::string_view expression, const XmlNamespaces& namespaces) {
  const auto wrong = [&](const char* what) {
    return base::fail(base::Kind::invalid, "ehi.xpath",
                      "'" + std::string(expression.substr(0, kLimit)) + "' cannot be used: " + what);
  };
  if (expression.empty() || expression.size() > kLimit) return wrong("it must have 1 to 1024 bytes");
  Content content{std::string(expression), namespaces, {}};
  const Context context = make_context(nullptr, namespaces);
  if (context == nullptr) return wrong("libxml2 gave no memory");
  content.compiled = std::shared_ptr<xmlXPathCompExpr>(xmlXPathCtxtCompile(context.get(), to_xml(content.text)),
                                                       [](xmlXPathCompExpr* c) { xmlXPathFreeCompExpr(c); });
  if (content.compiled == nullptr) return wrong("it is no expression of XPath 1.0");
  const auto empty = XmlDocument::parse("<empty/>");
  if (!empty) return base::unexpected(empty.error());
  const Context tried = make_context(empty->document_.get(), namespaces);
  if (tried == nullptr || xmlXPathCompiledEvalToBoolean(content.compiled.get(), tried.get()) < 0)
    return wrong("it uses a function that there is not, or a prefix that is not in xml_namespaces");
  return XPathRule(std::move(content));
}

base::Result<XmlDocument> XmlDocument::parse(std::string_view text) {
  if (text.size() > kBytes) return refused("it is larger than 256 KiB");
  const auto encoding = encoding_of(text);
  if (!encoding || text.find('\0') != std::string_view::npos) return refused("its encoding is not UTF-8 or Latin");
  if (has_crowded_tag(text)) return refused("a tag has more than 256 attributes");
  const std::unique_ptr<xmlParserCtxt, decltype(&xmlFreeParserCtxt)> parser(xmlNewParserCtxt(), xmlFreeParserCtxt);
  if (parser == nullptr) return refused("libxml2 gave no memory");
  bool has_doctype = false;
  parser->_private = &has_doctype;
  parser->sax->internalSubset = refuse_doctype;
  std::shared_ptr<xmlDoc> document(
      xmlCtxtReadMemory(parser.get(), text.data(), static_cast<int>(text.size()), nullptr, encoding->c_str(), kOptions),
      [](xmlDoc* d) { xmlFreeDoc(d); });
  if (has_doctype) return refused("it has a DOCTYPE");
  if (document == nullptr) return refused("it is not well-formed, or nested too deeply");
  return XmlDocument(std::move(document));
}

bool XmlDocument::holds(const XPathRule& rule) const {
  const Context context = make_context(document_.get(), rule.content_->namespaces);
  return context != nullptr && xmlXPathCompiledEvalToBoolean(rule.content_->compiled.get(), context.get()) == 1;
}

}  // namespace countersign::ehi
