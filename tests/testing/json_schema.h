// JsonSchemas: does a JSON value fit a schema of a document? The part of JSON Schema 2020-12 that our OpenAPI document
// uses, for tests. A keyword that is not of that part is a flaw of the schema, never passed over.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace countersign::testing {

/// A reader of our answers must bear members that it does not know; we must not write any that no schema names.
enum class Unnamed { borne, refused };

class JsonSchemas {
 public:
  /// Borrows the document, into which each "$ref" points: "#/components/schemas/Slug".
  explicit JsonSchemas(const base::json::value& document) : document_(&document) {}

  /// What contradicts `schema`, each as "/path/in/value: what"; empty when the value fits.
  std::vector<std::string> mistakes(const base::json::value& schema, const base::json::value& value,
                                    Unnamed unnamed) const;
  /// What is wrong with `schema` itself, all the way down: keywords unknown here, references to nothing, patterns that
  /// do not compile.
  std::vector<std::string> flaws(const base::json::value& schema) const;
  /// `node`, or what its "$ref" points to. Null when that is nothing.
  const base::json::value* resolve(const base::json::value& node) const;

 private:
  const base::json::value* document_;
};

}  // namespace countersign::testing
