#include "ceremony/root_keys.h"

#include "base/files.h"

namespace countersign::ceremony {
namespace {

RootKey to_root_key(crypto::PrivateKey loaded) {
  const auto key = std::make_shared<const crypto::PrivateKey>(std::move(loaded));
  return {key->public_key(), [key](base::BytesView message) { return key->sign(message); }};
}

tl::unexpected<base::Error> exists(const std::string& what) {
  return base::fail(base::Kind::conflict, "ceremony.key_exists",
                    "there is a key already at " + what + ": a root is made once; give the new one another name");
}

}  // namespace

RootKeys RootKeys::in_files(std::filesystem::path folder, const base::Secret& passphrase) {
  return {std::move(folder), base::Secret(passphrase.reveal_text())};
}

base::Result<RootKeys> RootKeys::in_token(const KeysPlan& plan, base::Secret pin) {
  RootKeys keys({}, {});
  BASE_TRY(keys.token_, crypto::Token::open({.module = plan.token_module, .label = plan.token_label}, std::move(pin)));
  keys.prefix_ = plan.key_prefix + "-";
  return keys;
}

base::Result<RootKey> RootKeys::find(const std::string& name) const {
  if (token_ != nullptr) {
    const std::string label = prefix_ + name;
    auto found = token_->find_key(label);
    if (!found && found.error().code == "token.no_key")
      return base::unexpected(std::move(found).error().under(
          "ceremony.no_key", "the token holds no key '" + label + "': is this the right one?"));
    BASE_TRY(auto key, std::move(found));
    crypto::Token* token = token_.get();
    return RootKey{std::move(key), [token, label](base::BytesView message) { return token->sign(label, message); }};
  }
  const auto pem = base::read_secret_file(file_of(name));
  if (!pem)
    return base::unexpected(
        base::Error(pem.error())
            .under("ceremony.no_key", "there is no key of '" + name + "' in the ceremony's folder"));
  auto key = crypto::PrivateKey::from_pem(pem->reveal_text(), passphrase_);
  if (!key)
    return base::unexpected(
        std::move(key).error().under("ceremony.passphrase", "cannot open '" + file_of(name).string() + "'"));
  return to_root_key(std::move(*key));
}

base::Result<RootKey> RootKeys::make(const std::string& name, crypto::PrivateKey::Kind kind) const {
  if (token_ != nullptr) {
    const std::string label = prefix_ + name;
    auto made = token_->make_key(label, kind);
    if (!made && made.error().code == "token.key_exists") return exists("'" + label + "' in the token");
    BASE_TRY(auto key, std::move(made));
    crypto::Token* token = token_.get();
    return RootKey{std::move(key), [token, label](base::BytesView message) { return token->sign(label, message); }};
  }
  BASE_TRY(auto key, crypto::PrivateKey::generate(kind));
  BASE_TRY(const std::string pem, key.to_encrypted_pem(passphrase_));
  const auto created = base::create_file(file_of(name), pem, base::FileMode::owner_only);
  if (!created && created.error().code == "file.exists") return exists("'" + file_of(name).string() + "'");
  if (!created) return base::unexpected(created.error());
  return to_root_key(std::move(key));
}

}  // namespace countersign::ceremony
