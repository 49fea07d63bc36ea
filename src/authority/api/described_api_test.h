// DescribedApi: the OpenAPI document as tests use it. It says where document and routes part, and what of a call that
// was really made, or of its answer, the document would not have led anybody to expect. Its lines say what to add.
#pragma once

#include <string>
#include <vector>

#include "authority/api/routes.h"
#include "testing/json_schema.h"

namespace countersign::authority {

/// A path of this pattern at which nothing is: "x" for each {...}.
inline std::string path_to_nothing(std::string_view pattern) {
  std::string path;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    path += pattern[at] == '{' ? 'x' : pattern[at];
    if (pattern[at] == '{') at = pattern.find('}', at);
  }
  return path;
}

/// A call as tests make it.
struct Ask {
  std::string method = "GET";
  std::string target;
  std::string body = {};
  std::vector<http::Field> fields = {};
};

class DescribedApi {
 public:
  using Lines = std::vector<std::string>;
  struct Operation {
    std::string method;  ///< "POST"
    std::string path;    ///< "/v1/certificates/{serial}"
    const base::json::object* says;
  };

  /// Fails as parse_json.
  static base::Result<DescribedApi> parse(std::string_view document);
  /// The one that is served.
  static const DescribedApi& served();

  const base::json::value& document() const { return *document_; }
  testing::JsonSchemas schemas() const { return testing::JsonSchemas(*document_); }
  std::vector<Operation> operations() const;
  /// The operation for a real path, without its query.
  std::optional<Operation> find(std::string_view method, std::string_view path) const;
  /// The schema of the JSON body that callers send; null where they send none.
  const base::json::value* request_schema(const Operation& operation) const;
  /// Path with the examples of its parameters instead of {...}.
  std::string example_path(const Operation& operation) const;

  /// Where document and `routes` part: what is missing in either, and who may call.
  Lines differences(std::span<const Route> routes) const;
  /// What the document would not have led anybody to expect; "" where it would.
  std::string objections(const Ask& ask, const http::Response& response) const;

 private:
  explicit DescribedApi(base::json::value document)
      : document_(std::make_shared<const base::json::value>(std::move(document))) {}
  std::vector<const base::json::object*> parameters(const Operation& operation) const;
  Lines parameter_flaws(const Operation& operation) const;
  Lines request_objections(const Operation& operation, const Ask& ask, const http::Response& response) const;
  Lines query_objections(const Operation& operation, std::string_view query) const;
  Lines response_objections(const Operation& operation, const http::Response& response) const;

  std::shared_ptr<const base::json::value> document_;
};

}  // namespace countersign::authority
