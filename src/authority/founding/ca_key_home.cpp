#include "authority/founding/ca_key_home.h"

#include "authority/founding/ceremony.h"
#include "authority/issuance/signer.h"

namespace countersign::authority {
namespace {

CaKeys::Key to_key(crypto::PrivateKey loaded) {
  const auto key = std::make_shared<const crypto::PrivateKey>(std::move(loaded));
  return {key->public_key(), [key](base::BytesView message) { return key->sign(message); }};
}

}  // namespace

base::Result<bool> CaKeyHome::is_taken(const std::string& name) const {
  if (token_ == nullptr) return std::filesystem::exists(key_file(folder_, name));
  const auto found = token_->token.find_key(token_->settings.label_of(name));
  if (!found && found.error().code == "token.no_key") return false;
  if (!found && found.error().kind != base::Kind::invalid) return base::unexpected(found.error());
  return true;
}

crypto::PrivateKey::Kind CaKeyHome::usual_kind() const {
  return token_ == nullptr ? crypto::PrivateKey::Kind::p256 : token_->settings.key;
}

base::Result<CaKeys::Key> CaKeyHome::find_or_make(const std::string& name, crypto::PrivateKey::Kind kind) {
  FileCaKeys files(folder_, passphrase_, kind);
  if (token_ == nullptr) {
    if (!std::filesystem::exists(key_file(folder_, name))) return files.make(name, CaKeys::Of::issuing_ca);
    BASE_TRY(auto left_over, load_key(key_file(folder_, name), passphrase_));
    return to_key(std::move(left_over));
  }
  TokenSettings settings = token_->settings;
  settings.key = kind;
  const std::string label = settings.label_of(name);
  TokenCaKeys in_token({token_->token, settings, files, TokenCaKeys::LeftOver::ours});
  BASE_TRY(auto key, in_token.make(name, CaKeys::Of::issuing_ca));
  crypto::Token& token = token_->token;
  return CaKeys::Key{std::move(key.public_key),
                     [&token, label](base::BytesView message) { return token.sign(label, message); }};
}

base::Result<std::optional<CaKeys::Key>> CaKeyHome::find_root(Root root) const {
  const std::string name = root_key_name(root);
  if (token_ != nullptr && token_->settings.roots == TokenSettings::Roots::token) {
    const std::string label = token_->settings.label_of(name);
    auto found = token_->token.find_key(label);
    if (!found && found.error().code == "token.no_key") return std::optional<CaKeys::Key>();
    BASE_TRY(auto key, std::move(found));
    crypto::Token& token = token_->token;
    return std::optional(
        CaKeys::Key{std::move(key), [&token, label](base::BytesView message) { return token.sign(label, message); }});
  }
  if (!std::filesystem::exists(key_file(folder_, name))) return std::optional<CaKeys::Key>();
  BASE_TRY(auto loaded, load_key(key_file(folder_, name), passphrase_));
  return std::optional(to_key(std::move(loaded)));
}

}  // namespace countersign::authority
