// docs/vectors/message-signatures.json: signed messages for whoever writes a client in another language. Made by this
// program, and checked by it in ctest; tests/e2e/message_signatures_test.py checks them without any code of ours.
//
//   message_vectors FILE           exit status 1 when one of them is not judged as it says
//   message_vectors --write FILE   makes them anew, with new keys
#include <cstdio>
#include <map>

#include "base/files.h"
#include "http/url.h"
#include "signatures/content_signature.h"
#include "signatures/http_signature.h"

namespace {

using namespace countersign;
using namespace countersign::signatures;
using base::json::array;
using base::json::object;
using base::json::value;

constexpr std::int64_t kSigned = 1'781'524'800;  // 2026-06-15T12:00:00Z
constexpr std::string_view kContent = "{\"amount\":\"12.50\",\"currency\":\"EUR\"}";
constexpr std::string_view kUrl = "https://api.example.com:8443/v1/payments?dry=true&tag=a%20b";

struct Key {
  std::string name;
  crypto::PrivateKey key;
  std::string keyid;
};

std::string text_of(const object& json, std::string_view member) {
  return std::string(json.at({member.data(), member.size()}).as_string());
}

array fields_json(const http::Fields& fields) {
  array list;
  for (const http::Field& field : fields)
    list.push_back(array{value(field.name), value(field.value)});
  return list;
}

http::Fields fields_of(const object& message) {
  http::Fields fields;
  for (const value& field : message.at("fields").as_array())
    fields.add(std::string(field.as_array()[0].as_string()), std::string(field.as_array()[1].as_string()));
  return fields;
}

/// A message of a vector, alive while it is looked at.
struct Scene {
  std::string method;
  http::Url url;
  std::string authority = {};
  http::Fields request_fields = {};
  std::optional<int> status = {};
  http::Fields response_fields = {};
  std::optional<std::string> content = {};

  static Scene of(const object& vector) {
    const object& request = vector.at("request").as_object();
    Scene scene{.method = text_of(request, "method"), .url = http::Url::parse(text_of(request, "url")).value()};
    scene.authority = scene.url.host_field();
    scene.request_fields = fields_of(request);
    const object* whole = &request;
    if (const value* response = vector.if_contains("response")) {
      whole = &response->as_object();
      scene.status = static_cast<int>(whole->at("status").as_int64());
      scene.response_fields = fields_of(*whole);
    }
    if (whole->contains("content")) scene.content = text_of(*whole, "content");
    return scene;
  }
  RequestView request() const {
    return {
        .method = method, .scheme = "https", .authority = authority, .target = url.target, .fields = request_fields};
  }
  MessageView message(const RequestView& of) const {
    return status ? MessageView::of(*status, response_fields, &of) : MessageView::of(of);
  }
  Content has_content() const { return content ? Content::some : Content::none; }
};

// --- making
// --------------------------------------------------------------------------------------------------------------

object request_json(std::string_view method, const http::Fields& fields, std::optional<std::string_view> content) {
  object json{{"method", method}, {"url", kUrl}, {"fields", fields_json(fields)}};
  if (content) json["content"] = *content;
  return json;
}

void add_field(object& message, const std::string& name, const std::string& text) {
  message["fields"].as_array().push_back(array{value(name), value(text)});
}

object made(const std::string& name, const std::string& kind, const Key& key) {
  return {{"name", name}, {"kind", kind}, {"key", key.name}, {"at", kSigned + 2}, {"expect", "verified"}};
}

/// Signs what `vector` describes, and writes the fields into it.
void sign_vector(object& vector, const Key& key, const std::string& alg = "") {
  const Scene scene = Scene::of(vector);
  const RequestView request = scene.request();
  const MessageView message = scene.message(request);
  SignaturePolicy policy;
  policy.more = {Component::named("content-type")};
  if (scene.status) policy.more.push_back(Component::parse("\"@method\";req").value());
  if (scene.status) policy.more.push_back(Component::parse("\"@target-uri\";req").value());
  if (!scene.content) policy.more = {Component::named("accept")};
  const auto scheme = http_scheme(key.key.public_key().type(), alg);
  const auto fields = sign(message, {.key = key.key,
                                     .keyid = key.keyid,
                                     .scheme = scheme.value_or(*http_scheme(key.key.public_key().type())),
                                     .components = components_to_cover(message, scene.has_content(), policy),
                                     .created = base::Instant::from_unix_seconds(kSigned),
                                     .nonce = "3jUc9Qd2mPzv",
                                     .label = "sig1"})
                          .value();
  object& signed_message = vector[scene.status ? "response" : "request"].as_object();
  add_field(signed_message, "Signature-Input", fields.signature_input);
  add_field(signed_message, "Signature", fields.signature);
  vector["signature_base"] = fields.base;
}

object post_of(const Key& key, const std::string& name) {
  object vector = made(name, "rfc9421", key);
  http::Fields fields;
  fields.add("Content-Type", "application/json");
  fields.add("Content-Digest", content_digest(DigestAlgorithm::sha256, kContent));
  vector["request"] = request_json("POST", fields, kContent);
  return vector;
}

object get_of(const Key& key) {
  object vector = made(key.name + " without content", "rfc9421", key);
  http::Fields fields;
  fields.add("Accept", "application/json");
  vector["request"] = request_json("GET", fields, std::nullopt);
  sign_vector(vector, key);
  return vector;
}

object response_of(const Key& key) {
  object vector = made(key.name + " response", "rfc9421", key);
  http::Fields fields;
  fields.add("Content-Type", "application/json");
  vector["request"] = request_json("POST", fields, kContent);
  fields.add("Content-Digest", content_digest(DigestAlgorithm::sha512, "{\"id\":7}"));
  vector["response"] = object{{"status", 201}, {"fields", fields_json(fields)}, {"content", "{\"id\":7}"}};
  sign_vector(vector, key);
  return vector;
}

object content_only(const Key& key, const std::string& kind) {
  object vector = made(key.name + " " + kind, kind, key);
  http::Fields fields;
  fields.add("Content-Type", "application/json");
  const auto at = base::Instant::from_unix_seconds(kSigned);
  if (kind == "jws") fields.add(std::string(kJwsField), sign_detached_jws(key.key, key.keyid, kContent, at).value());
  else fields.add(std::string(kHeaderField), sign_header(key.key, key.keyid, kContent).value());
  vector["request"] = request_json("POST", fields, kContent);
  return vector;
}

object refused(object vector, const std::string& what, const std::string& code) {
  vector["name"] = "refused: " + what;
  vector["expect"] = code;
  vector.erase("signature_base");
  return vector;
}

void replace_in_fields(object& request, const std::string& from, const std::string& to) {
  for (value& field : request["fields"].as_array()) {
    std::string text(field.as_array()[1].as_string());
    if (const std::size_t at = text.find(from); at != std::string::npos)
      field.as_array()[1] = text.replace(at, from.size(), to);
  }
}

array refused_vectors(const Key& key) {
  object good = post_of(key, "good");
  sign_vector(good, key);
  const auto changed = [&](auto change, const std::string& what, const std::string& code) {
    object vector = good;
    change(vector["request"].as_object());
    return refused(std::move(vector), what, code);
  };
  array all;
  all.push_back(changed([](object& r) { r["content"] = "{\"amount\":\"99.50\",\"currency\":\"EUR\"}"; },
                        "content changed after it was hashed", "signature.content_changed"));
  all.push_back(changed([](object& r) { r["url"] = "https://api.example.com:8443/v1/refunds?dry=true&tag=a%20b"; },
                        "another path", "signature.bad_signature"));
  all.push_back(changed([](object& r) { r["url"] = "https://api.example.com/v1/payments?dry=true&tag=a%20b"; },
                        "another port", "signature.bad_signature"));
  all.push_back(changed([](object& r) { r["method"] = "PUT"; }, "another method", "signature.bad_signature"));
  all.push_back(changed([](object& r) { replace_in_fields(r, "ecdsa-p256-sha256", "hmac-sha256"); }, "a shared secret",
                        "signature.wrong_algorithm"));
  all.push_back(changed([](object& r) { replace_in_fields(r, " \"content-digest\"", ""); }, "content not covered",
                        "signature.not_covered"));
  all.push_back(changed([](object& r) { replace_in_fields(r, "\"@method\"", "\"@method\" \"@method\""); },
                        "a component twice", "signature.malformed"));
  object late = refused(good, "six minutes and a second old", "signature.too_old");
  late["at"] = kSigned + 361;
  all.push_back(std::move(late));
  object early = refused(good, "made more than a minute ahead", "signature.in_the_future");
  early["at"] = kSigned - 61;
  all.push_back(std::move(early));
  return all;
}

std::string make() {
  std::vector<Key> keys;
  for (const auto& [name, kind] :
       {std::pair("p256", crypto::PrivateKey::Kind::p256), std::pair("p384", crypto::PrivateKey::Kind::p384),
        std::pair("ed25519", crypto::PrivateKey::Kind::ed25519), std::pair("rsa", crypto::PrivateKey::Kind::rsa2048)}) {
    auto key = crypto::PrivateKey::generate(kind).value();
    std::string keyid = jose::Jwk::from(key.public_key()).value().thumbprint();
    keys.push_back({name, std::move(key), std::move(keyid)});
  }
  array key_list;
  array vectors;
  for (const Key& key : keys) {
    key_list.push_back(object{{"name", key.name},
                              {"kid", key.keyid},
                              {"jwk", jose::Jwk::from(key.key.public_key()).value().to_json()},
                              {"private_key", key.key.to_pem().value().reveal_text()}});
    object post = post_of(key, key.name + " with content");
    sign_vector(post, key);
    vectors.push_back(std::move(post));
    vectors.push_back(get_of(key));
    vectors.push_back(response_of(key));
    vectors.push_back(content_only(key, "jws"));
    vectors.push_back(content_only(key, "header"));
  }
  object older = post_of(keys.back(), "rsa by rsa-v1_5-sha256");
  sign_vector(older, keys.back(), "rsa-v1_5-sha256");
  vectors.push_back(std::move(older));
  for (value& one : refused_vectors(keys.front()))
    vectors.push_back(std::move(one));
  std::string text =
      "{\n\"about\": \"Signed messages; docs/message-signatures.md says what they mean. The keys are of "
      "these examples and good for nothing else.\",\n\"keys\": [\n";
  const auto lines = [&](const array& list) {
    for (std::size_t i = 0; i < list.size(); ++i)
      text += base::json::serialize(list[i]) + (i + 1 < list.size() ? ",\n" : "\n");
  };
  lines(key_list);
  text += "],\n\"vectors\": [\n";
  lines(vectors);
  return text + "]\n}\n";
}

// --- checking
// ------------------------------------------------------------------------------------------------------------

using Keys = std::map<std::string, VerificationKey>;

std::string code_of(const base::Result<VerifiedSignature, Refusal>& verdict) {
  return verdict ? "verified" : std::string(explanation(verdict.error().reason).code);
}

base::Result<VerifiedSignature, Refusal> judge(const object& vector, const Scene& scene, const VerificationKey& key) {
  const Freshness fresh{.now = base::Instant::from_unix_seconds(vector.at("at").as_int64())};
  const FindKey find = [&](std::string_view keyid) -> base::Result<VerificationKey, Refusal> {
    if (key.is_named(keyid)) return key;
    return base::unexpected(refuse(Reason::unknown_key, "another key", keyid));
  };
  const std::string content = scene.content.value_or("");
  const std::string kind = text_of(vector, "kind");
  if (kind == "jws") {
    BASE_TRY(const auto jws, DetachedJws::parse(scene.request_fields.find(kJwsField).value_or("")));
    BASE_TRY(const auto named, find(jws.keyid()));
    return jws.verify(named, content, fresh);
  }
  if (kind == "header") {
    BASE_TRY(const auto header, HeaderSignature::parse(scene.request_fields.find(kHeaderField).value_or("")));
    BASE_TRY(const auto named, find(header.keyid()));
    return header.verify(named, content);
  }
  const RequestView request = scene.request();
  const MessageView message = scene.message(request);
  const SignaturePolicy policy;
  BASE_TRY(auto head, check_head({message, scene.has_content(), policy, fresh, find}));
  head.add(base::as_bytes(content));
  return std::move(head).finish();
}

bool has_its_base(const object& vector, const Scene& scene) {
  const value* expected = vector.if_contains("signature_base");
  if (expected == nullptr) return true;
  const RequestView request = scene.request();
  const MessageView message = scene.message(request);
  const auto inputs = read_signatures(*message.fields);
  if (!inputs) return false;
  const auto text = signature_base(message, inputs->front());
  return text && *text == std::string_view(expected->as_string());
}

int check(const std::string& text) {
  const auto json = base::parse_json(text);
  if (!json) return std::fprintf(stderr, "no JSON\n"), 1;
  Keys keys;
  for (const value& key : json->at("keys").as_array())
    keys.emplace(text_of(key.as_object(), "name"), VerificationKey::of(jose::Jwk::parse(key.at("jwk")).value()));
  int wrong = 0;
  for (const value& one : json->at("vectors").as_array()) {
    const object& vector = one.as_object();
    const Scene scene = Scene::of(vector);
    const std::string found = code_of(judge(vector, scene, keys.at(text_of(vector, "key"))));
    const bool good = found == text_of(vector, "expect") && has_its_base(vector, scene);
    if (!good) std::fprintf(stderr, "%s: %s\n", text_of(vector, "name").c_str(), found.c_str());
    wrong += good ? 0 : 1;
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool write = argc == 3 && std::string(argv[1]) == "--write";
  if (argc != 2 && !write) return std::fputs("usage: message_vectors [--write] FILE\n", stderr), 2;
  const std::string file = argv[argc - 1];
  if (write) return base::write_file(file, make(), base::FileMode::world_readable) ? 0 : 1;
  const auto text = base::read_file(file);
  return text ? check(*text) : 1;
}
