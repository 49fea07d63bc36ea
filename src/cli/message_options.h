// A message as `sign` and `verify-signature` are told of it: method, URL, fields, content.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "base/result.h"
#include "http/url.h"
#include "signatures/message.h"

namespace countersign::cli {

struct MessageOptions {
  std::string method = "POST";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string body;                  ///< a file; "-" is standard input; empty: no content

  /// --method, --url, --header, --body; `whose` names the message in the help.
  void add_to(CLI::App& app, const std::string& whose);
};

/// What they describe. Holds what its views are of.
class DescribedMessage {
 public:
  /// Fails: `url.invalid`, `message.header`, `file.*`.
  static base::Result<DescribedMessage> of(const MessageOptions& options);

  signatures::RequestView request() const {
    return {.method = method_, .scheme = scheme_, .authority = authority_, .target = target_, .fields = fields_};
  }
  http::Fields& fields() { return fields_; }
  const std::optional<std::string>& content() const { return content_; }
  const std::string& method() const { return method_; }

 private:
  std::string method_;
  std::string scheme_;
  std::string authority_;
  std::string target_;
  http::Fields fields_;
  std::optional<std::string> content_;
};

/// "Name: value" as a field. Fails: `message.header`.
base::Result<http::Field> read_header(const std::string& text);
/// A whole file, or standard input for "-". Fails: `file.*`.
base::Result<std::string> read_content(const std::string& file);

}  // namespace countersign::cli
