// What tests of the doors say of an answer.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "base/json.h"
#include "http/message.h"

namespace countersign::authority {

/// "200", "403 caller.none", or the code of what went wrong before there was an answer.
inline std::string outcome(const base::Result<http::Response>& response) {
  if (!response) return response.error().code;
  std::string text = std::to_string(response->status);
  if (response->status < 400) return text;
  const auto json = base::parse_json(response->body);
  return json ? text + " " + std::string(json->at("code").as_string()) : text;
}
/// The connection ended before an answer.
inline bool was_cut(const base::Result<http::Response>& response) {
  return outcome(response) == "net.reset" || outcome(response) == "tls.truncated";
}
inline base::json::object json_of(const base::Result<http::Response>& response) {
  EXPECT_TRUE(response) << base::to_string(response.error());
  return base::parse_json(response->body)->as_object();
}
inline std::string member(const base::json::object& json, const char* name) {
  return std::string(json.at(name).as_string());
}

}  // namespace countersign::authority
