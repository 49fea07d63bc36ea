#include "authority/founding/ca_keys.h"

#include "authority/founding/ceremony.h"
#include "authority/issuance/signer.h"
#include "base/files.h"

namespace countersign::authority {

base::Result<CaKeys::Key> FileCaKeys::make(const std::string& name, Of) {
  BASE_TRY(auto made, crypto::PrivateKey::generate(kind_));
  BASE_TRY(const std::string pem, made.to_encrypted_pem(passphrase_));
  BASE_TRY_VOID(base::create_file(key_file(folder_, name), pem, base::FileMode::owner_only));
  const auto key = std::make_shared<const crypto::PrivateKey>(std::move(made));
  return Key{key->public_key(), [key](base::BytesView message) { return key->sign(message); }};
}

base::Result<crypto::PublicKey> TokenCaKeys::find_or_make(const std::string& label) {
  if (parts_.left_over == LeftOver::ours) {
    auto found = parts_.token.find_key(label);
    if (found || found.error().code != "token.no_key") return found;
  }
  return parts_.token.make_key(label, parts_.settings.key);
}

base::Result<CaKeys::Key> TokenCaKeys::make(const std::string& name, Of of) {
  if (of == Of::root && parts_.settings.roots == TokenSettings::Roots::files) return parts_.files.make(name, of);
  const std::string label = parts_.settings.label_of(name);
  BASE_TRY(auto public_key, find_or_make(label));
  crypto::Token& token = parts_.token;
  return Key{std::move(public_key), [&token, label](base::BytesView message) { return token.sign(label, message); }};
}

base::Result<void> check_labels_are_free(crypto::Token& token, const TokenSettings& settings) {
  std::vector<std::string> names;
  for (const IssuingCaPlan& plan : issuing_ca_plans())
    names.emplace_back(plan.name);
  for (const Root root : {Root::partner, Root::provider})
    names.push_back(root_key_name(root));
  for (const std::string& name : names) {
    const std::string label = settings.label_of(name);
    const auto found = token.find_key(label);
    if (!found && found.error().code == "token.no_key") continue;
    if (!found && found.error().kind != base::Kind::invalid) return base::unexpected(found.error());
    return base::fail(base::Kind::conflict, "keys.exist",
                      "the token already holds a key '" + label +
                          "', but this data folder is new: restore the data folder that it belongs to, or give this "
                          "authority another key_prefix, or remove the keys from the token if nothing needs them");
  }
  return {};
}

}  // namespace countersign::authority
