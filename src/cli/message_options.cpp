#include "cli/message_options.h"

#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/files.h"
#include "cli/command_tree.h"
#include "http/text.h"

namespace countersign::cli {

void MessageOptions::add_to(CLI::App& app, const std::string& whose) {
  app.add_option("--method", method, "Of the " + whose)->type_name("METHOD")->capture_default_str();
  app.add_option("--url", url, "Of the " + whose + ": https://HOST[:PORT]/PATH?QUERY, as it is sent")
      ->required()
      ->type_name("URL");
  app.add_option("--header", headers, "A field of the message, 'Name: value'; again for each")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  app.add_option("--body", body, "A file with the content, byte for byte; - for standard input")->type_name(kFile);
}

base::Result<http::Field> read_header(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string_view value = http::trim(std::string_view(text).substr(std::min(colon + 1, text.size())));
  if (colon == std::string::npos || !http::is_token(text.substr(0, colon)) || !http::is_field_text(value))
    return base::fail(base::Kind::invalid, "message.header", "'" + text + "' is not 'Name: value'");
  return http::Field{text.substr(0, colon), std::string(value)};
}

base::Result<std::string> read_content(const std::string& file) {
  if (file != "-") return base::read_file(file);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

base::Result<DescribedMessage> DescribedMessage::of(const MessageOptions& options) {
  BASE_TRY(const http::Url url, http::Url::parse(options.url));
  DescribedMessage message;
  if (!http::is_token(options.method))
    return base::fail(base::Kind::invalid, "message.method", "'" + options.method + "' is no method");
  message.method_ = options.method;
  message.scheme_ = url.secure ? "https" : "http";
  message.target_ = url.target;
  for (const std::string& text : options.headers) {
    BASE_TRY(auto field, read_header(text));
    message.fields_.add(std::move(field.name), std::move(field.value));
  }
  message.authority_ = message.fields_.find("Host").value_or(url.host_field());
  if (!options.body.empty()) {
    BASE_TRY(message.content_, read_content(options.body));
  }
  return message;
}

}  // namespace countersign::cli
