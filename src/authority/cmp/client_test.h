// libcrypto's CMP client against the real API door, with credentials and certificates of this authority.
#pragma once

#include <algorithm>

#include "authority/cmp/conversation.h"
#include "authority/doors/doors_test.h"
#include "testing/cmp_client.h"
#include "x509/der.h"

namespace countersign::authority {

using testing::CmpAsk;
using testing::CmpClient;
using testing::CmpOutcome;

/// "ip accepted", "error rejection 1 cmp.bad_mac", "poll_rep 2": body, status, bit of failInfo, and our code.
std::string said_in(base::BytesView der);

class Cmp : public Doors {
 protected:
  using PrivateKey = crypto::PrivateKey;
  using Exchange = std::function<std::optional<base::Bytes>(const base::Bytes&)>;
  static constexpr const char* kPath = "/.well-known/cmp";

  static PrivateKey make_key() { return PrivateKey::generate(PrivateKey::Kind::p256).value(); }
  CmpClient::Mac make_credential(std::vector<Purpose> purposes = {}, const char* of = "production:acme:payments") {
    auto made = authority().acme_accounts().create_credential(admin_actor(), {identity(of), std::move(purposes)});
    EXPECT_TRUE(made) << base::to_string(made.error());
    return {made->kid, base::to_base64url(made->key.reveal())};
  }
  CmpClient with(CmpClient::Mac credential) {
    return {.mac = std::move(credential), .now = clock.now(), .trusted = roots()};
  }
  CmpClient with(const tls::Credential& held) {
    return {.signer = CmpClient::Signer{held.chain.front(), held.key}, .now = clock.now(), .trusted = roots()};
  }
  std::vector<x509::Certificate> roots() { return {authority().hierarchy().root(Root::provider)}; }

  base::Result<http::Response> post(const base::Bytes& message, const std::string& path = kPath) {
    return api(nullptr, {"POST", path, std::string(base::as_text(message)), {{"Content-Type", "application/pkixcmp"}}});
  }
  /// The answer to one message, noted in sent_ and said_.
  std::optional<base::Bytes> send(base::Bytes message, const std::string& path = kPath) {
    sent_.push_back(message);
    const auto response = post(message, path);
    EXPECT_EQ(outcome(response), "200");
    if (!response) return std::nullopt;
    EXPECT_EQ(response->fields.find("Content-Type"), "application/pkixcmp");
    base::Bytes answer = base::to_bytes(base::as_bytes(response->body));
    said_.push_back(said_in(answer));
    return answer;
  }
  std::string say(base::Bytes message) { return said_in(send(std::move(message)).value_or(base::Bytes())); }
  /// A whole conversation; said() is then what it was told.
  CmpOutcome run(CmpAsk ask, const CmpClient& client, const PrivateKey* key, const std::string& path = kPath) {
    said_.clear();
    sent_.clear();
    return testing::run_cmp(ask, client, key, [&](const base::Bytes& message) { return send(message, path); });
  }
  /// What was said last.
  std::string told(CmpAsk ask, const CmpClient& client, const PrivateKey& key, const std::string& path = kPath) {
    (void)run(ask, client, &key, path);
    return said_.empty() ? "nothing" : said_.back();
  }
  x509::Certificate obtain(CmpAsk ask, const CmpClient& client, const PrivateKey& key,
                           const std::string& path = kPath) {
    const auto outcome = run(ask, client, &key, path);
    EXPECT_TRUE(outcome.succeeded && outcome.certificate) << outcome.errors << (said_.empty() ? "" : said_.back());
    return outcome.certificate.value();
  }
  std::string ask_of(const x509::Certificate& certificate, const char* column) {
    return raw().ask("SELECT " + std::string(column) + " FROM certificates WHERE serial = '" +
                     certificate.serial().hex() + "'");
  }

  std::vector<std::string> said_;
  std::vector<base::Bytes> sent_;
};

inline std::string said_in(base::BytesView der) {
  namespace d = x509::der;
  const auto message = x509::CmpMessage::parse(der);
  if (!message) return message.error().code;
  d::Reader content(message->content());
  const auto list = content.next();
  d::Reader in(list ? list->content : base::BytesView());
  using x509::CmpBody;
  const CmpBody body = message->body();
  if (body == CmpBody::confirmation) return "pkiconf";
  if (body == CmpBody::genp) return "genp";
  if (body == CmpBody::poll_rep) {
    d::Reader one(in.next(d::kSequence)->content);
    (void)one.next(d::kInteger);
    return "poll_rep " + std::to_string(one.next(d::kInteger)->content.back());
  }
  const std::map<CmpBody, std::string> names = {
      {CmpBody::ip, "ip"}, {CmpBody::cp, "cp"}, {CmpBody::kup, "kup"}, {CmpBody::rp, "rp"}, {CmpBody::error, "error"}};
  if (!names.contains(body)) return "another body";
  const std::string name = names.at(body);
  if (name != "error") in = d::Reader(in.next(d::kSequence)->content);
  if (name != "error" && name != "rp") {
    in = d::Reader(in.next(d::kSequence)->content);
    (void)in.next(d::kInteger);
  }
  d::Reader info(in.next(d::kSequence)->content);
  const std::uint8_t status = info.next(d::kInteger)->content.back();
  if (status != 2) return name + (status == 3 ? " waiting" : " accepted");
  const auto texts = info.next(d::kSequence);
  const auto bits = info.next(d::kBitString);
  const std::string text(base::as_text(d::Reader(texts->content).next()->content));
  const std::size_t bit = (bits->content.size() - 2) * 8 + 7 - bits->content.front();
  const std::size_t open = text.rfind('(');
  return name + " rejection " + std::to_string(bit) + " " + text.substr(open + 1, text.size() - open - 2);
}

}  // namespace countersign::authority
