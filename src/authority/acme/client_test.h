// An ACME client for tests, over real TLS: keeps its nonce and account, and can be told to do each thing wrongly.
#pragma once

#include "authority/acme/json.h"
#include "authority/acme/names.h"
#include "authority/acme/orders.h"
#include "authority/acme/renewal_info.h"
#include "authority/doors/doors_test.h"
#include "authority/revocation/revocation.h"
#include "crypto/pem.h"

namespace countersign::authority {

/// One POST; what is left out is as it must be.
struct AcmePost {
  std::string path;
  std::string payload = "";
  std::optional<std::string> url = {};
  std::optional<std::string> nonce = {};
  std::optional<std::string> content_type = {};
};

class Acme : public Doors {
 protected:
  using PrivateKey = crypto::PrivateKey;

  static PrivateKey make_key(PrivateKey::Kind kind = PrivateKey::Kind::p256) {
    return PrivateKey::generate(kind).value();
  }
  static std::string jwk_of(const PrivateKey& key) {
    return base::json::serialize(jose::Jwk::from(key.public_key()).value().to_json());
  }
  static base::json::value jwk_json(const PrivateKey& key) {
    return jose::Jwk::from(key.public_key()).value().to_json();
  }
  static std::string csr_of(const PrivateKey& key) {
    const auto pem = x509::Csr::make_pem(key, {"evil.example", "", ""}).value();
    return base::to_base64url(crypto::pem_blocks(pem, {"CERTIFICATE REQUEST"}).value().front());
  }
  static std::string serialize(const object& json) { return base::json::serialize(json); }
  static std::string field(const base::Result<http::Response>& response, const char* name) {
    return std::string(response ? response->fields.find(name).value_or("-") : "no answer");
  }
  /// "201", or "403 rejectedIdentifier acme.identifier".
  static std::string said(const base::Result<http::Response>& response) {
    if (!response) return response.error().code;
    const std::string status = std::to_string(response->status);
    if (response->status < 400) return status;
    const object problem = base::parse_json(response->body)->as_object();
    EXPECT_EQ(field(response, "Content-Type"), "application/problem+json");
    const std::string type = member(problem, "type");
    EXPECT_TRUE(type.starts_with("urn:ietf:params:acme:error:")) << type;
    return status + " " + type.substr(type.rfind(':') + 1) + " " + member(problem, "code");
  }

  static std::string origin() { return "https://localhost"; }
  std::string new_nonce() { return field(api(nullptr, {"HEAD", "/acme/new-nonce"}), "Replay-Nonce"); }

  base::Result<http::Response> send(const AcmePost& post, const std::string& body) {
    return api(nullptr,
               {"POST", post.path, body, {{"Content-Type", post.content_type.value_or("application/jose+json")}}});
  }
  /// With another Host field than this client's own.
  base::Result<http::Response> send_to_host(const std::string& host, Ask ask) {
    auto connection = testing::run(loop, connect(service().api_at(), nullptr));
    if (!connection) return base::unexpected(connection.error());
    http::ClientOptions options;
    options.host = host;
    connection->client = std::make_unique<http::Client>(*connection->stream, std::move(options));
    return testing::run(loop, Doors::send(*connection, std::move(ask)));
  }
  object header_of(const AcmePost& post) {
    return {{"nonce", post.nonce ? *post.nonce : new_nonce()}, {"url", post.url.value_or(origin() + post.path)}};
  }
  base::Result<http::Response> post_by_key(const PrivateKey& key, const AcmePost& post) {
    object header = header_of(post);
    header["jwk"] = jwk_json(key);
    return send(post, jose::sign_flattened(header, post.payload, key).value());
  }
  struct Account {
    PrivateKey key;
    std::string url;
    std::string id() const { return url.substr(url.rfind('/') + 1); }
  };
  base::Result<http::Response> post(const Account& account, const AcmePost& post) {
    object header = header_of(post);
    header["kid"] = account.url;
    return send(post, jose::sign_flattened(header, post.payload, account.key).value());
  }

  struct Credential {
    std::string kid;
    base::Secret key;
  };
  Credential make_credential(std::vector<Purpose> purposes = {}, const char* of = "production:acme:payments") {
    auto made = authority().acme_accounts().create_credential(admin_actor(), {identity(of), std::move(purposes)});
    EXPECT_TRUE(made) << base::to_string(made.error());
    return {made->kid, std::move(made->key)};
  }
  static object binding(const Credential& credential, const PrivateKey& key,
                        const std::string& url = origin() + "/acme/new-account") {
    return base::parse_json(jose::sign_flattened({{"kid", credential.kid}, {"url", url}}, jwk_of(key), credential.key))
        ->as_object();
  }
  base::Result<http::Response> ask_for_account(const PrivateKey& key, const object& external_binding) {
    const object payload{{"termsOfServiceAgreed", true},
                         {"contact", base::json::array{"mailto:ops@acme.example"}},
                         {"externalAccountBinding", external_binding}};
    return post_by_key(key, {"/acme/new-account", serialize(payload)});
  }
  Account make_account(std::vector<Purpose> purposes = {}, const char* of = "production:acme:payments",
                       PrivateKey::Kind kind = PrivateKey::Kind::p256) {
    auto key = make_key(kind);
    const auto response = ask_for_account(key, binding(make_credential(std::move(purposes), of), key));
    EXPECT_EQ(said(response), "201");
    return {std::move(key), field(response, "Location")};
  }

  static std::string order_for(std::initializer_list<std::string> names, const std::string& replaces = "") {
    base::json::array identifiers;
    for (const std::string& name : names)
      identifiers.emplace_back(object{{"type", "dns"}, {"value", name}});
    object payload{{"identifiers", std::move(identifiers)}};
    if (!replaces.empty()) payload["replaces"] = replaces;
    return serialize(payload);
  }
  static std::string path_of(const std::string& url) { return url.substr(origin().size()); }
  /// Orders and finalizes; the PEM chain that came, or what was said instead.
  std::string obtain(const Account& account, const std::string& name, const PrivateKey& key) {
    const auto order = post(account, {"/acme/new-order", order_for({name})});
    if (said(order) != "201") return said(order);
    const std::string finalize = path_of(member(json_of(order), "finalize"));
    const auto done = post(account, {finalize, serialize({{"csr", csr_of(key)}})});
    if (said(done) != "200") return said(done);
    const auto chain = post(account, {path_of(member(json_of(done), "certificate"))});
    EXPECT_EQ(field(chain, "Content-Type"), "application/pem-certificate-chain");
    return chain->body;
  }
  static x509::Certificate leaf_of(const std::string& chain) {
    const auto parsed = x509::Certificate::all_from_pem(chain);
    EXPECT_TRUE(parsed) << chain;
    return parsed->front();
  }
};

inline constexpr const char* kName = "payments.acme.production.countersign.internal";

}  // namespace countersign::authority
