#include "oauth/relay.h"

#include <algorithm>

namespace countersign::oauth {
namespace {

tl::unexpected<base::Error> malformed(std::string what) {
  return base::fail(base::Kind::invalid, "relay.malformed", "the message cannot be read: " + std::move(what));
}

base::Result<RelayedPeer> read_peer(const std::string& fingerprint, const std::string& urn) {
  BASE_TRY(const base::Bytes bytes, base::from_hex(fingerprint));
  crypto::Digest256 digest;
  if (bytes.size() != digest.size()) return malformed("a fingerprint is not 32 bytes long");
  std::ranges::copy(bytes, digest.begin());
  BASE_TRY(auto identity, base::Identity::from_urn(urn));
  return RelayedPeer{digest, std::move(identity)};
}

base::Result<RelayedCall> read_call(const base::json::value& json) {
  BASE_TRY(auto reader, base::JsonReader::of(json));
  RelayedCall call;
  BASE_TRY(call.method, reader.text("method"));
  BASE_TRY(call.path, reader.text("path"));
  BASE_TRY(call.authorization, reader.text_or("authorization", ""));
  BASE_TRY(call.content_type, reader.text_or("content_type", ""));
  BASE_TRY(const std::string body, reader.text_or("body", ""));
  BASE_TRY(const base::Bytes bytes, base::from_base64(body));
  call.body = base::as_text(bytes);
  BASE_TRY(call.address, reader.text_or("address", ""));
  BASE_TRY(const std::string fingerprint, reader.text_or("certificate", ""));
  BASE_TRY(const std::string urn, reader.text_or("urn", ""));
  BASE_TRY_VOID(reader.finish());
  if (!fingerprint.empty() || !urn.empty()) {
    BASE_TRY(auto peer, read_peer(fingerprint, urn));
    call.peer = std::move(peer);
  }
  return call;
}

}  // namespace

base::json::object to_json(const RelayedCall& call) {
  base::json::object json{{"method", call.method},
                          {"path", call.path},
                          {"authorization", call.authorization},
                          {"content_type", call.content_type},
                          {"body", base::to_base64(base::as_bytes(call.body))},  // may be no text at all
                          {"address", call.address}};
  if (call.peer) {
    json["certificate"] = base::to_hex(call.peer->fingerprint);
    json["urn"] = call.peer->identity.to_urn();
  }
  return json;
}

base::Result<RelayedCall> relayed_call(const base::json::value& json) {
  auto call = read_call(json);
  if (!call && call.error().code != "relay.malformed") return malformed(call.error().detail);
  return call;
}

base::json::object to_json(const http::Response& response) {
  base::json::object fields;
  for (const http::Field& field : response.fields)
    fields[field.name] = field.value;
  return {{"status", response.status}, {"fields", std::move(fields)}, {"body", response.body}};
}

base::Result<http::Response> relayed_answer(std::string_view text) {
  BASE_TRY(const auto json, base::parse_json(text));
  BASE_TRY(auto reader, base::JsonReader::of(json));
  http::Response response;
  BASE_TRY(const std::int64_t status, reader.integer("status"));
  if (status < 200 || status > 599) return malformed("the status is none");
  response.status = static_cast<int>(status);
  BASE_TRY(response.body, reader.text("body"));
  const auto* fields = json.get_object().if_contains("fields");
  if (fields == nullptr || !fields->is_object()) return malformed("'fields' is missing");
  for (const auto& [name, value] : fields->get_object()) {
    if (!value.is_string()) return malformed("a field is no text");
    response.fields.add(std::string(name), std::string(value.get_string()));
  }
  return response;
}

}  // namespace countersign::oauth
