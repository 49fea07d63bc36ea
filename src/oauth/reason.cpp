#include "oauth/reason.h"

#include <array>

namespace countersign::oauth {
namespace {

constexpr std::string_view kRequest = "invalid_request";
constexpr std::string_view kClient = "invalid_client";
constexpr std::string_view kToken = "invalid_token";

constexpr std::array<Explanation, kReasons> kExplanations = {{
    {Reason::malformed_request, "oauth.malformed_request", kRequest, 400,
     "The request is not what this endpoint takes: a form with each parameter once.",
     "Send it as application/x-www-form-urlencoded (RFC 6749 section 4.4.2); the detail names what is wrong."},
    {Reason::grant_not_supported, "oauth.grant_not_supported", "unsupported_grant_type", 400,
     "Another grant than client_credentials was asked for.",
     "Send grant_type=client_credentials: applications act for themselves here."},
    {Reason::no_certificate, "oauth.no_certificate", kClient, 401,
     "The connection was made without a Transport Certificate, and tokens are only given over one with it.",
     "Call with your Transport Certificate (curl: --cert and --key)."},
    {Reason::certificate_not_active, "oauth.certificate_not_active", kClient, 401,
     "The authority knows the Transport Certificate of this connection no more as an active one.",
     "Renew it, or ask the provider whether it was revoked or your application suspended."},
    {Reason::no_client_authentication, "oauth.no_client_authentication", kClient, 401,
     "The request says no client, or nothing that proves it beside the certificate.",
     "Send a client assertion (RFC 7523) signed with your signing key, or what the provider agreed with you."},
    {Reason::two_client_authentications, "oauth.two_client_authentications", kRequest, 400,
     "The client is named or proved in two ways at once.", "Send one client authentication (RFC 6749 section 2.3)."},
    {Reason::client_unknown, "oauth.client_unknown", kClient, 401, "There is no client of this name.",
     "The client is the application: ENVIRONMENT.ORGANISATION.APPLICATION. Ask the provider to register it, or "
     "register "
     "it with a software statement."},
    {Reason::client_disabled, "oauth.client_disabled", kClient, 401, "The provider has disabled this client.",
     "Ask the provider."},
    {Reason::certificate_of_another, "oauth.certificate_of_another", kClient, 401,
     "The Transport Certificate of this connection is of another application than the client.",
     "Use the Transport Certificate of the application for which you want the token. If you do, somebody else has your "
     "key or secret: tell the provider."},
    {Reason::method_not_allowed, "oauth.method_not_allowed", kClient, 401,
     "This client may not authenticate in this way.",
     "Use private_key_jwt, or ask the provider to allow another method for this client."},
    {Reason::secret_refused, "oauth.secret_refused", kClient, 401, "The client secret is not one of this client's.",
     "Send the secret as it was given to you; the provider makes another with `countersign admin clients secret`."},
    {Reason::too_many_attempts, "oauth.too_many_attempts", kClient, 401,
     "Too many wrong secrets were sent for this client; none is looked at for a minute.",
     "Wait a minute, then send the right one."},
    {Reason::assertion_malformed, "oauth.assertion_malformed", kClient, 401, "The client assertion is no JWT.",
     "Send one compact JWS with iss, sub, aud, exp and jti (RFC 7523 section 3)."},
    {Reason::assertion_header, "oauth.assertion_header", kClient, 401,
     "The header of the assertion brings a key or an address of one (jwk, jku, x5u, x5c).",
     "Leave these out and name the key by kid: keys come from the registry alone."},
    {Reason::assertion_key_unknown, "oauth.assertion_key_unknown", kClient, 401,
     "The assertion names a key that is not of a Signing Certificate of this application, or there is none.",
     "Sign with the key of an active Signing Certificate; kid is its RFC 7638 thumbprint, as in the organisation's "
     "JWKS."},
    {Reason::assertion_key_not_signing, "oauth.assertion_key_not_signing", kClient, 401,
     "The assertion is signed with the key of a Transport Certificate.",
     "Sign with the key of the Signing Certificate: a transport key only opens connections."},
    {Reason::assertion_algorithm, "oauth.assertion_algorithm", kClient, 401,
     "The algorithm in the header is not one of the key's, or not taken here.",
     "Use PS256 or RS256 with an RSA key, ES256 with P-256, EdDSA with Ed25519."},
    {Reason::assertion_signature, "oauth.assertion_signature", kClient, 401,
     "The signature of the assertion is not of the key it names.", "Sign with the key that kid names."},
    {Reason::assertion_subject, "oauth.assertion_subject", kClient, 401,
     "iss and sub of the assertion are not both the client id.", "Set both to the client id (RFC 7523 section 3)."},
    {Reason::assertion_audience, "oauth.assertion_audience", kClient, 401,
     "The assertion is meant for somebody else: aud is neither the issuer nor the token endpoint.",
     "Set aud to the issuer, as the metadata says it."},
    {Reason::assertion_expired, "oauth.assertion_expired", kClient, 401, "The assertion has expired.",
     "Make a new one for each request, and check the clock."},
    {Reason::assertion_too_long, "oauth.assertion_too_long", kClient, 401,
     "The assertion is good for longer than 5 minutes.", "Set exp to at most 5 minutes from now."},
    {Reason::assertion_early, "oauth.assertion_early", kClient, 401,
     "nbf or iat of the assertion is more than a minute ahead of the clock here.", "Check the clock."},
    {Reason::assertion_without_id, "oauth.assertion_without_id", kClient, 401,
     "The assertion has no jti, or one of more than 256 bytes.", "Give each assertion a jti of its own."},
    {Reason::assertion_replayed, "oauth.assertion_replayed", kClient, 401,
     "An assertion with this jti was used before.",
     "Make a new assertion for each request. If you did, somebody else has seen it: tell the provider."},
    {Reason::scope_refused, "oauth.scope_refused", "invalid_scope", 400,
     "A scope was asked for that is malformed or that this client may not have.",
     "Ask for scopes that the provider allowed, or for none to get all of them."},
    {Reason::audience_refused, "oauth.audience_refused", "invalid_target", 400,
     "A resource was asked for that this client may not use.",
     "Ask for a resource that the provider allowed (RFC 8707), or for none to get the client's own."},
    {Reason::statement_refused, "oauth.statement_refused", "invalid_software_statement", 400,
     "The software statement is not one that this authority made for this application, or has expired.",
     "Ask the provider for a new one."},
    {Reason::metadata_refused, "oauth.metadata_refused", "invalid_client_metadata", 400,
     "Something in the metadata of the client cannot be taken.", "The detail names the member; mend it and try again."},
    {Reason::registration_refused, "oauth.registration_refused", kToken, 401,
     "The registration access token is not that of this client.",
     "Send the token that the registration gave, with the certificate of the same application."},
    {Reason::unavailable, "oauth.unavailable", "temporarily_unavailable", 503,
     "The authority could not be asked, or has too much to do.", "Try again, as Retry-After says."},
    {Reason::token_missing, "oauth.token_missing", "", 401, "The route demands an access token, and none was sent.",
     "Get one at the token endpoint and send it as Authorization: Bearer."},
    {Reason::token_malformed, "oauth.token_malformed", kToken, 401,
     "What was sent is no access token of this platform.",
     "Send the access token as it was given, once, in the Authorization field alone."},
    {Reason::token_header, "oauth.token_header", kToken, 401,
     "The header of the token brings a key or an address of one.", "Send the access token as it was given."},
    {Reason::token_algorithm, "oauth.token_algorithm", kToken, 401,
     "The token says another algorithm than that of the authority's keys.", "Send the access token as it was given."},
    {Reason::token_type, "oauth.token_type", kToken, 401, "It is a JWT, and not an access token (typ is not at+jwt).",
     "Send the access token, not the assertion with which it was got."},
    {Reason::token_key_unknown, "oauth.token_key_unknown", kToken, 401,
     "The token names a key that is not, or no more, one of the authority's.", "Get a new token."},
    {Reason::token_signature, "oauth.token_signature", kToken, 401,
     "The signature of the token is not the authority's.", "Send the access token as it was given."},
    {Reason::token_issuer, "oauth.token_issuer", kToken, 401, "The token is of another issuer.",
     "Get a token from this provider's token endpoint."},
    {Reason::token_expired, "oauth.token_expired", kToken, 401, "The token has expired.", "Get a new one."},
    {Reason::token_early, "oauth.token_early", kToken, 401,
     "The token is from the future by the clock of this gateway.",
     "Ask the provider to check the clocks of the gateway and the authority."},
    {Reason::token_revoked, "oauth.token_revoked", kToken, 401, "The token was revoked.",
     "Get a new one; ask the provider if you did not revoke it yourself."},
    {Reason::token_unbound, "oauth.token_unbound", kToken, 401, "The token is not bound to a certificate.",
     "Get a token from this provider's token endpoint."},
    {Reason::token_wrong_certificate, "oauth.token_wrong_certificate", kToken, 401,
     "The token is bound to another Transport Certificate than that of this connection.",
     "Use it with the certificate it was got with. After a renewal get a new token with the new certificate."},
    {Reason::token_wrong_application, "oauth.token_wrong_application", kToken, 401,
     "The token is of another application than the certificate of this connection.",
     "Get a token for this application."},
    {Reason::token_audience, "oauth.token_audience", kToken, 401, "The token is for another resource than this route.",
     "Ask for a token with the resource that the provider named for this API (RFC 8707)."},
    {Reason::token_scope, "oauth.token_scope", "insufficient_scope", 403,
     "The token lacks a scope that this route demands.",
     "Ask for a token with the scopes in WWW-Authenticate; the provider allows them for your client."},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kExplanations.size(); ++i)
    if (static_cast<std::size_t>(kExplanations[i].reason) != i) return false;
  return true;
}
static_assert(is_in_order());

}  // namespace

std::span<const Explanation> explanations() { return kExplanations; }
const Explanation& explanation(Reason reason) { return kExplanations[static_cast<std::size_t>(reason)]; }

}  // namespace countersign::oauth
