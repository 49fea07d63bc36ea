#include "authority/oauth/token_round.h"

#include <algorithm>

#include "authority/enrolment/acme_accounts.h"
#include "base/json_array.h"
#include "http/problem.h"

namespace countersign::authority {
namespace {

using base::json::object;
using oauth::Reason;
using oauth::refuse;

tl::unexpected<oauth::Refusal> unavailable(const base::Error& error) {
  return refuse(Reason::unavailable, base::to_string(error));
}

/// RFC 8707 section 2: what was asked for, or everything the client may have.
oauth::Checked<std::vector<std::string>> choose_audiences(const ClientRules& rules, const oauth::Form& form,
                                                          const std::string& issuer) {
  const std::vector<std::string> allowed = rules.audiences.empty() ? std::vector<std::string>{issuer} : rules.audiences;
  const std::vector<std::string> asked = form.all("resource");
  if (asked.size() > kAudiencesLimit) return refuse(Reason::audience_refused, "too many resources");
  std::vector<std::string> chosen;
  for (const std::string& one : asked) {
    if (std::ranges::find(allowed, one) == allowed.end()) return refuse(Reason::audience_refused, one.substr(0, 80));
    if (std::ranges::find(chosen, one) == chosen.end()) chosen.push_back(one);
  }
  return chosen.empty() ? allowed : chosen;
}

oauth::Checked<oauth::Scopes> choose_scopes(const ClientRules& rules, const oauth::Form& form) {
  const auto asked = form.find("scope");
  if (!asked) return rules.scopes;
  auto scopes = oauth::Scopes::parse(*asked);
  if (!scopes) return refuse(Reason::scope_refused, "it is malformed");
  if (!rules.scopes.includes(*scopes)) return refuse(Reason::scope_refused);
  return std::move(*scopes);
}

}  // namespace

oauth::Checked<CheckedRequest> TokenRound::check(const oauth::RelayedCall& call, const ActiveCaller& caller) {
  auto form = oauth::Form::parse(call.content_type, call.body);
  if (!form) return base::unexpected(std::move(form).error());
  const auto kind = form->find("grant_type");
  if (!kind) return refuse(Reason::malformed_request, "grant_type is missing");
  if (*kind != "client_credentials") return refuse(Reason::grant_not_supported);
  auto client = parts_.authentication.prove(caller, call.authorization, *form);
  if (!client) return base::unexpected(std::move(client).error());
  // Before anything is recorded: without a key there is no token, and no assertion is used up for none.
  if (!key_) {
    auto key = parts_.keys.signing();
    if (!key) return unavailable(key.error());
    key_ = std::move(*key);
  }
  return CheckedRequest(call, std::move(*form), std::move(*client));
}

oauth::Checked<oauth::Grant> TokenRound::grant(const AuthenticatedClient& client, const oauth::Form& form) {
  auto scopes = choose_scopes(client.rules(), form);
  if (!scopes) return base::unexpected(std::move(scopes).error());
  auto audiences = choose_audiences(client.rules(), form, parts_.settings.issuer);
  if (!audiences) return base::unexpected(std::move(audiences).error());
  auto id = random_id(parts_.random);
  if (!id) return unavailable(id.error());
  const base::Instant now = parts_.ledger.now();
  return oauth::Grant{parts_.settings.issuer,
                      client.caller().client_id(),
                      client.caller().identity(),
                      std::move(*audiences),
                      std::move(*scopes),
                      client.caller().certificate(),
                      client.rules().claims,
                      std::move(*id),
                      now,
                      now + parts_.settings.token_life};
}

oauth::Checked<RecordedGrant> TokenRound::record(Amendment& amendment, CheckedRequest request) {
  const auto client = parts_.authentication.use_up(amendment.rows(), std::move(request.client_));
  if (!client) return base::unexpected(client.error());
  auto granted = grant(*client, request.form_);
  if (!granted) return base::unexpected(std::move(granted).error());
  const auto audited = amendment.audit({{granted->identity.to_urn()},
                                        "token.issued",
                                        granted->id,
                                        {{"method", oauth::name(client->method())},
                                         {"kid", client->kid()},
                                         {"scope", granted->scopes.text()},
                                         {"audiences", base::to_json_array(granted->audiences)},
                                         {"certificate", base::to_hex(granted->certificate)},
                                         {"address", request.call_->address}}});
  if (!audited) return unavailable(audited.error());
  return RecordedGrant(*request.call_, *client, std::move(*granted));
}

oauth::Checked<http::Response> TokenRound::give(const RecordedGrant& recorded) {
  const oauth::Grant& grant = recorded.grant_;
  const auto token = oauth::make_token(grant, key_->kid, *key_->key);
  if (!token) return unavailable(token.error());
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(grant.expires - grant.issued);
  parts_.log.info("token.issued", {{"application", grant.identity.to_urn()},
                                   {"token", grant.id},
                                   {"method", oauth::name(recorded.method_)},
                                   {"kid", recorded.kid_},
                                   {"scope", grant.scopes.text()},
                                   {"certificate", base::to_hex(grant.certificate)},
                                   {"address", recorded.call_->address}});
  object body{{"access_token", *token}, {"token_type", "Bearer"}, {"expires_in", life.count()}};
  if (!grant.scopes.empty()) body["scope"] = grant.scopes.text();
  http::Response response = http::json_response(200, base::json::serialize(body));
  response.fields.set("Cache-Control", "no-store");  // RFC 6749 section 5.1
  return response;
}

}  // namespace countersign::authority
