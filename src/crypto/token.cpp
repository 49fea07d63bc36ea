#include "crypto/token.h"

#include "crypto/pkcs11_key.h"
#include "crypto/pkcs11_session_pool.h"

namespace countersign::crypto {

struct Token::Parts {
  TokenOptions options;
  std::shared_ptr<Pkcs11Login> login;
  Pkcs11SessionPool pool;
};

Token::Token(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Token::~Token() = default;

base::Result<std::unique_ptr<Token>> Token::open(const TokenOptions& options, base::Secret pin) {
  if (pin.empty()) return base::fail(base::Kind::invalid, "token.pin", "the PIN of the token is empty");
  BASE_TRY(auto module, Pkcs11Module::load(options.module));
  auto login = std::make_shared<Pkcs11Login>(std::move(module), options.label, std::move(pin));
  std::unique_ptr<Token> token(new Token(std::unique_ptr<Parts>(
      new Parts{options, login, Pkcs11SessionPool(login, {options.sessions, options.idle_time})})));
  BASE_TRY_VOID(token->parts_->pool.run([](Pkcs11Session&) { return base::Bytes(); }, options.call_time));
  return token;
}

base::Result<PublicKey> Token::find_key(const std::string& label) {
  BASE_TRY(const auto spki, parts_->pool.run(
                                [label](Pkcs11Session& session) -> Pkcs11Result<base::Bytes> {
                                  BASE_TRY(const Pkcs11Key key, crypto::find_key(session, label));
                                  return key.public_key.to_spki();
                                },
                                parts_->options.call_time));
  return PublicKey::from_spki(spki);
}

base::Result<PublicKey> Token::make_key(const std::string& label, PrivateKey::Kind kind) {
  // On a session that may write, beside the pool's own, which may not.
  BASE_TRY(const auto spki, parts_->pool.run(
                                [label, kind, login = parts_->login](Pkcs11Session&) -> Pkcs11Result<base::Bytes> {
                                  BASE_TRY(auto session, login->open_session(CKF_RW_SESSION));
                                  BASE_TRY(const Pkcs11Key key, crypto::make_key(session, label, kind));
                                  return key.public_key.to_spki();
                                },
                                parts_->options.key_making_time));
  return PublicKey::from_spki(spki);
}

base::Result<base::Bytes> Token::sign(const std::string& label, base::BytesView message) {
  return parts_->pool.run(
      [label, copy = base::to_bytes(message)](Pkcs11Session& session) -> Pkcs11Result<base::Bytes> {
        BASE_TRY(const Pkcs11Key key, crypto::find_key(session, label));
        return crypto::sign(session, key, copy);
      },
      parts_->options.call_time);
}

std::size_t Token::sessions() const { return parts_->pool.threads(); }

}  // namespace countersign::crypto
