#include "authority/enrolment/acme_accounts.h"

#include <algorithm>
#include <array>

#include "authority/issuance/code_binding.h"
#include "authority/registry/rows.h"
#include "base/check.h"
#include "crypto/mac.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr const char* kMailto = "mailto:";

tl::unexpected<base::Error> binding_refused(std::string why) {
  return base::fail(Kind::denied, "acme.eab_refused",
                    std::move(why) + ": an operator makes a credential for external account binding");
}

base::Result<std::vector<trust::Purpose>> choose_purposes(const CodeOrder& order) {
  std::vector<trust::Purpose> chosen;
  const std::vector<trust::Purpose> allowed = purposes_of(order.identity.environment, order.identity.organisation);
  for (const trust::Purpose purpose : order.purposes.empty() ? allowed : order.purposes) {
    const bool partners = purpose == trust::Purpose::transport || purpose == trust::Purpose::signing;
    if (!partners || std::ranges::find(allowed, purpose) == allowed.end())
      return base::fail(Kind::invalid, "purpose.not_allowed",
                        order.identity.to_urn() + " cannot get certificates for " + std::string(trust::name(purpose)) +
                            " by ACME: it is for partners' transport and signing certificates");
    if (std::ranges::find(chosen, purpose) == chosen.end()) chosen.push_back(purpose);
  }
  if (!chosen.empty()) return chosen;
  return base::fail(Kind::invalid, "purpose.not_allowed", order.identity.to_urn() + " may not have any certificate");
}

std::vector<std::string> to_names(const std::vector<trust::Purpose>& purposes) {
  std::vector<std::string> names;
  for (const trust::Purpose purpose : purposes)
    names.emplace_back(trust::name(purpose));
  return names;
}

/// RFC 8555 section 7.3. Nobody is written to: they are for the operator who looks for whom to ask.
base::Result<void> check_contact(const std::vector<std::string>& contact) {
  if (contact.size() > kAccountContacts)
    return base::fail(Kind::invalid, "acme.contact", "an account has at most 8 contacts");
  for (const std::string& one : contact) {
    if (!one.starts_with(kMailto))
      return base::fail(Kind::invalid, "acme.contact_scheme", "a contact begins with mailto:");
    const bool clean = std::ranges::all_of(one, [](char c) { return c > 0x20 && c < 0x7f; });
    if (one.size() > kContactLength || !clean || one.find('@') == std::string::npos)
      return base::fail(Kind::invalid, "acme.contact", "a contact is one e-mail address behind mailto:");
  }
  return {};
}

std::string urn_of(const store::ApplicationKey& key) {
  return "urn:countersign:" + key.environment + ":" + key.organisation + ":" + key.application;
}

/// Programs take what begins so for an option: `certbot --eab-hmac-key -x...` ends with its usage.
bool reads_as_option(std::string_view text) { return text.starts_with('-'); }

constexpr int kMostDraws = 64;  ///< one in 64 is drawn again; only a broken generator gets to the end

}  // namespace

Actor holder_of(const store::AcmeAccountRow& account) { return {"acme-account:" + account.id}; }

base::Result<base::Identity> identity_of(const store::AcmeAccountRow& account) { return to_identity(account.key); }

base::Result<std::vector<trust::Purpose>> purposes_of(const store::AcmeAccountRow& account) {
  std::vector<trust::Purpose> purposes;
  for (const std::string& text : account.purposes) {
    BASE_TRY(const trust::Purpose purpose, to_purpose(text));
    purposes.push_back(purpose);
  }
  return purposes;
}

base::Result<std::string> random_id(crypto::Random& random) {
  std::string id;
  for (int draws = 0; draws < kMostDraws && (draws == 0 || reads_as_option(id)); ++draws) {
    std::array<std::uint8_t, 16> bytes{};
    BASE_TRY_VOID(random.fill(bytes));
    id = base::to_base64url(bytes);
  }
  return id;
}

base::Secret AcmeAccounts::derive(const std::string& kid) const {
  const crypto::Digest256 key = crypto::hmac_sha256(key_.reveal(), base::as_bytes("acme eab 1\n" + kid));
  return base::Secret(base::Bytes(key.begin(), key.end()));
}

base::Result<std::string> AcmeAccounts::draw_kid() const {
  base::Result<std::string> kid = random_id(random_);
  for (int draws = 1; kid && draws < kMostDraws && reads_as_option(shown_key(*kid).reveal_text()); ++draws)
    kid = random_id(random_);
  return kid;
}

base::Secret AcmeAccounts::shown_key(const std::string& kid) const {
  return base::Secret(base::to_base64url(derive(kid).reveal()));
}

base::Result<NewCredential> AcmeAccounts::create_credential(const Actor& actor, const CodeOrder& order) {
  if (order.life < kShortestCodeLife || order.life > kLongestCodeLife)
    return base::fail(Kind::invalid, "code.life", "a credential waits for its account between 1m and 30d");
  BASE_TRY(auto purposes, choose_purposes(order));
  BASE_TRY(std::string kid, draw_kid());
  const base::Instant now = ledger_.now();
  const store::AcmeCredentialRow row{kid, to_key(order.identity), to_names(purposes), actor.name,
                                     now, now + order.life};
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const auto application, store::find_application(amendment.rows(), row.key));
  if (!application)
    return base::fail(Kind::not_found, "application.unknown", "there is no application " + order.identity.to_urn());
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  base::json::array listed;
  for (const std::string& name : row.purposes)
    listed.emplace_back(name);
  BASE_TRY_VOID(amendment.audit(
      {actor, "acme.credential_created", order.identity.to_urn(), {{"kid", kid}, {"purposes", std::move(listed)}}}));
  BASE_TRY_VOID(amendment.commit());
  base::Secret key = derive(kid);
  return NewCredential{std::move(kid), std::move(key), std::move(purposes), row.expires_at};
}

base::Result<std::vector<store::AcmeCredentialRow>> AcmeAccounts::list_credentials(const base::Identity& identity) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(const auto application, store::find_application(rows, to_key(identity)));
  if (!application)
    return base::fail(Kind::not_found, "application.unknown", "there is no application " + identity.to_urn());
  return store::list_acme_credentials(rows, to_key(identity));
}

base::Result<store::AcmeCredentialRow> AcmeAccounts::cancel_credential(const Actor& actor,
                                                                       const base::Identity& identity,
                                                                       const std::string& kid) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, store::find_acme_credential(amendment.rows(), kid));
  if (!row || row->key != to_key(identity))
    return base::fail(Kind::not_found, "eab_credential.unknown",
                      identity.to_urn() + " has no such credential for external account binding");
  if (row->cancelled_at) return std::move(*row);
  row->cancelled_at = ledger_.now();
  BASE_TRY_VOID(store::cancel_acme_credential(amendment.rows(), kid, *row->cancelled_at));
  BASE_TRY_VOID(amendment.audit({actor, "acme.credential_cancelled", identity.to_urn(), {{"kid", kid}}}));
  if (row->account && !parse_direct_use(*row->account)) {
    BASE_TRY(auto account, store::find_acme_account(amendment.rows(), *row->account));
    BASE_CHECK(account.has_value());
    if (account->status == "valid") account->status = "revoked";
    BASE_TRY_VOID(store::update(amendment.rows(), *account));
    BASE_TRY_VOID(amendment.audit({actor, "acme.account_revoked", identity.to_urn(), {{"account", account->id}}}));
  }
  BASE_TRY_VOID(amendment.commit());
  return std::move(*row);
}

base::Result<std::optional<store::AcmeAccountRow>> AcmeAccounts::find_account(const jose::Jwk& key) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto account, store::find_acme_account_of_key(rows, key.thumbprint()));
  if (account && account->status != "valid")
    return base::fail(Kind::denied, "acme.account_ended", "the account of this key is " + account->status);
  return account;
}

/// RFC 8555 section 7.3.4: under the HMAC stands the key of the account, for this URL. Which credentials there are is
/// only told to who has the key of one.
base::Result<store::AcmeCredentialRow> AcmeAccounts::verify_binding(const NewAccount& account) {
  if (account.external_binding == nullptr)
    return base::fail(Kind::denied, "acme.eab_required",
                      "an account is made with a credential of an operator: give its key id and HMAC key");
  BASE_TRY(const auto binding, jose::UnverifiedJws::from_json(*account.external_binding));
  const std::string kid = binding.text("kid").value_or("");
  auto jws = binding.verify(derive(kid));
  if (!jws || binding.text("url") != account.url || jws->header().contains("nonce"))
    return binding_refused("the binding was not made with key id and HMAC key of a credential, for this URL");
  BASE_TRY(const auto bound, base::parse_json(jws->payload()));
  BASE_TRY(const auto bound_key, jose::Jwk::parse(bound));
  if (bound_key.thumbprint() != account.key.thumbprint())
    return binding_refused("the binding is for another account key");
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto credential, store::find_acme_credential(rows, kid));
  if (!credential) return binding_refused("there is no such credential");
  if (credential->cancelled_at) return binding_refused("the credential was cancelled");
  if (credential->account) return binding_refused("the credential was used for another account");
  if (ledger_.now() >= credential->expires_at)
    return binding_refused("the credential ended at " + base::to_rfc3339(credential->expires_at));
  return std::move(*credential);
}

base::Result<store::AcmeAccountRow> AcmeAccounts::create_account(const NewAccount& account) {
  BASE_TRY(const auto credential, verify_binding(account));
  BASE_TRY_VOID(check_contact(account.contact));
  BASE_TRY(std::string id, random_id(random_));
  const store::AcmeAccountRow row{std::move(id),
                                  account.key.thumbprint(),
                                  base::json::serialize(account.key.to_json()),
                                  "valid",
                                  account.contact,
                                  credential.key,
                                  credential.purposes,
                                  credential.kid,
                                  ledger_.now()};
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY(const bool was_free, store::use_acme_credential(amendment.rows(), credential.kid, row.id));
  if (!was_free) return binding_refused("the credential was used for another account");
  BASE_TRY_VOID(amendment.audit({holder_of(row),
                                 "acme.account_created",
                                 urn_of(row.key),
                                 {{"kid", credential.kid}, {"thumbprint", row.thumbprint}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<store::AcmeAccountRow> AcmeAccounts::change_contact(store::AcmeAccountRow account,
                                                                 std::vector<std::string> contact) {
  if (account.contact == contact) return account;
  BASE_TRY_VOID(check_contact(contact));
  account.contact = std::move(contact);
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(store::update(amendment.rows(), account));
  BASE_TRY_VOID(amendment.audit({holder_of(account), "acme.account_changed", urn_of(account.key)}));
  BASE_TRY_VOID(amendment.commit());
  return account;
}

base::Result<store::AcmeAccountRow> AcmeAccounts::deactivate(store::AcmeAccountRow account) {
  account.status = "deactivated";
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(store::update(amendment.rows(), account));
  BASE_TRY_VOID(amendment.audit({holder_of(account), "acme.account_deactivated", urn_of(account.key)}));
  BASE_TRY_VOID(amendment.commit());
  return account;
}

base::Result<store::AcmeAccountRow> AcmeAccounts::change_key(store::AcmeAccountRow account, const jose::Jwk& key) {
  account.thumbprint = key.thumbprint();
  account.jwk = base::json::serialize(key.to_json());
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(const auto other, store::find_acme_account_of_key(amendment.rows(), account.thumbprint));
  if (other) return base::fail(Kind::conflict, "acme.key_taken", "this key has an account: make a new one");
  BASE_TRY_VOID(store::update(amendment.rows(), account));
  BASE_TRY_VOID(amendment.audit(
      {holder_of(account), "acme.account_key_changed", urn_of(account.key), {{"thumbprint", account.thumbprint}}}));
  BASE_TRY_VOID(amendment.commit());
  return account;
}

}  // namespace countersign::authority
