#include "authority/issuance/token_signer.h"

namespace countersign::authority {
namespace {

/// No certificate, CRL or OCSP response begins like this, so that nothing can be made of the signature.
constexpr const char* kProbe = "countersign: is this the key of the issuing CA?";

tl::unexpected<base::Error> mismatch(const std::string& label, const IssuingCa& ca, const std::string& what) {
  return base::fail(base::Kind::corrupt, "keys.mismatch",
                    "the token's key '" + label + "' " + what + " of the issuing CA '" + ca.name +
                        "' in the registry: token and registry are not of the same authority, or of different backups");
}

base::Result<void> check_key(crypto::Token& token, const std::string& label, const IssuingCa& ca) {
  auto found = token.find_key(label);
  if (!found && found.error().code == "token.no_key")
    return base::unexpected(std::move(found).error().under(
        "keys.missing", "the token does not hold the key of the issuing CA '" + ca.name +
                            "': is this the right token and key_prefix? Else restore the token from its backup"));
  BASE_TRY(const crypto::PublicKey key, std::move(found));
  if (key.spki_sha256() != ca.certificate.public_key().spki_sha256()) return mismatch(label, ca, "is not that");
  BASE_TRY(const base::Bytes signature, token.sign(label, base::as_bytes(kProbe)));
  if (!ca.certificate.public_key().verify(base::as_bytes(kProbe), signature))
    return mismatch(label, ca, "has another private half than that");
  return {};
}

}  // namespace

base::Result<std::unique_ptr<crypto::Token>> open_token(const PinTrial& trial, const std::filesystem::path& refusals) {
  BASE_TRY_VOID(check_not_refused(refusals, trial));
  auto token = crypto::Token::open(
      {.module = trial.settings.module, .label = trial.settings.label, .call_time = trial.settings.call_time},
      base::Secret(trial.pin.reveal_text()));
  if (!token && token.error().code == "token.pin") BASE_TRY_VOID(note_refused(refusals, trial));
  if (token) {
    std::error_code ignored;
    std::filesystem::remove(refusals, ignored);
  }
  return token;
}

base::Result<std::unique_ptr<TokenSigner>> TokenSigner::open(const Parts& parts, const Hierarchy& hierarchy) {
  std::unique_ptr<TokenSigner> signer(new TokenSigner(parts));
  for (const IssuingCa& ca : hierarchy.issuing_cas()) {
    const auto checked = check_key(parts.token, parts.settings.label_of(ca.name), ca);
    if (checked) signer->found_.insert(ca.name);
    else if (needs_key(ca.state)) return base::unexpected(checked.error());
  }
  return signer;
}

void TokenSigner::look_for_keys(const Hierarchy& hierarchy) {
  for (const IssuingCa& ca : hierarchy.issuing_cas()) {
    if (found_.contains(ca.name) || is_over(ca.state)) continue;
    if (check_key(parts_.token, parts_.settings.label_of(ca.name), ca)) found_.insert(ca.name);
  }
}

base::Result<base::Bytes> TokenSigner::sign_bytes(const std::string& issuing_ca, base::BytesView bytes) {
  auto signature = parts_.token.sign(parts_.settings.label_of(issuing_ca), bytes);
  if (signature) {
    if (lost_.exchange(false)) parts_.log.info("token.back", {{"token", parts_.settings.label}});
    return signature;
  }
  if (!lost_.exchange(true))
    parts_.log.error("token.lost", {{"token", parts_.settings.label}, {"error", base::to_string(signature.error())}});
  // Whatever it is, the caller did nothing wrong, and may come again.
  base::Error error = std::move(signature).error();
  error.kind = base::Kind::unavailable;
  return base::unexpected(std::move(error).under(
      "signer.unavailable",
      "nothing can be signed at present, since the keys of the CAs are out of reach: try again later"));
}

base::Result<x509::Certificate> TokenSigner::sign(SigningPermit permit) {
  const SigningPermit::Content content = std::move(permit).spend();
  BASE_TRY(const base::Bytes signature, sign_bytes(content.issuer, content.tbs.der));
  return content.linted.with_signature(signature);
}

base::Result<base::Bytes> TokenSigner::sign_crl(CrlPermit permit) {
  const CrlPermit::Content content = std::move(permit).spend();
  return sign_bytes(content.issuer, content.tbs.der);
}

}  // namespace countersign::authority
