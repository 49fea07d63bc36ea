// XPathRule: one statement about an XML body, as it stands in the configuration: an expression of XPath 1.0 whose
// boolean() is asked for. It holds only where it is true of a document that could be read.
//
// A partner's XML is hostile until shown otherwise: no DOCTYPE and so no entities, no network, no encoding but those
// that contain ASCII, and a limit for everything. Lives on one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct _xmlXPathCompExpr;
struct _xmlDoc;

namespace countersign::ehi {

/// Prefixes that expressions use, with the URIs they stand for.
using XmlNamespaces = std::vector<std::pair<std::string, std::string>>;

class XPathRule {
 public:
  /// No longer expression is taken.
  static constexpr std::size_t kLimit = 1024;
  /// Fails: `ehi.xpath` where it is no expression, or uses a prefix or function that there is not.
  static base::Result<XPathRule> parse(std::string_view expression, const XmlNamespaces& namespaces);
  /// As it was written.
  const std::string& text() const { return content_->text; }

 private:
  friend class XmlDocument;
  struct Content {
    std::string text;
    XmlNamespaces namespaces;
    std::shared_ptr<_xmlXPathCompExpr> compiled;
  };
  explicit XPathRule(Content content) : content_(std::make_shared<const Content>(std::move(content))) {}
  std::shared_ptr<const Content> content_;
};

class XmlDocument {
 public:
  /// Larger documents, elements within more others, and tags with more attributes are refused; steps of one evaluation.
  static constexpr std::size_t kBytes = 256 * 1024;
  static constexpr int kDepth = 256;
  static constexpr std::size_t kAttributes = 256;
  static constexpr unsigned long kSteps = 1'000'000;

  /// Fails: `ehi.xml`.
  static base::Result<XmlDocument> parse(std::string_view text);
  /// False, too, where it takes too many steps.
  bool holds(const XPathRule& rule) const;

 private:
  friend class XPathRule;
  explicit XmlDocument(std::shared_ptr<_xmlDoc> document) : document_(std::move(document)) {}
  std::shared_ptr<_xmlDoc> document_;
};

}  // namespace countersign::ehi
