#include "authority/secrets/token_settings.h"

#include <algorithm>

#include "base/config_path.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using base::Kind;

/// CK_TOKEN_INFO has 32 bytes for it (PKCS#11 section 3.2).
constexpr std::size_t kLabelLimit = 32;
constexpr std::size_t kPrefixLimit = 32;

tl::unexpected<base::Error> bad_value(const base::ConfigSection& section, const char* key, const std::string& must) {
  return base::fail(Kind::invalid, "config.value", "'" + section.path_of(key) + "' must " + must);
}

bool is_prefix(const std::string& text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= kPrefixLimit && std::ranges::all_of(text, fits);
}

base::Result<void> read_key(base::ConfigSection& section, TokenSettings& settings) {
  BASE_TRY(settings.key_prefix, section.text_or("key_prefix", "countersign"));
  if (!is_prefix(settings.key_prefix)) return bad_value(section, "key_prefix", "be 1 to 32 of a-z, 0-9 and -");
  BASE_TRY(const std::string kind, section.text_or("key", "p256"));
  const auto parsed = crypto::PrivateKey::parse_kind(kind);
  if (!parsed || *parsed == crypto::PrivateKey::Kind::ed25519)
    return bad_value(section, "key", "be p256, p384, rsa2048, rsa3072 or rsa4096");
  settings.key = *parsed;
  return {};
}

base::Result<TokenSettings::Roots> read_roots(base::ConfigSection& section) {
  BASE_TRY(const std::string roots, section.text_or("roots", "token"));
  if (roots == "token") return TokenSettings::Roots::token;
  if (roots == "files") return TokenSettings::Roots::files;
  return bad_value(section, "roots", R"(be "token" or "files")");
}

}  // namespace

base::Result<std::optional<TokenSettings>> TokenSettings::read(base::ConfigSection& authority, const fs::path& folder) {
  if (!authority.has("token")) return std::optional<TokenSettings>();
  BASE_TRY(auto section, authority.section("token"));
  TokenSettings settings;
  BASE_TRY(const std::string module, section.text("module"));
  if (module.empty()) return bad_value(section, "module", "name the PKCS#11 library of the token's vendor");
  settings.module = base::resolve_path(folder, module);
  BASE_TRY(settings.label, section.text("label"));
  if (settings.label.empty() || settings.label.size() > kLabelLimit)
    return bad_value(section, "label", "be the label of the token, 1 to 32 bytes");
  BASE_TRY(settings.pin_file, base::read_path(section, "pin_file", folder));
  BASE_TRY_VOID(read_key(section, settings));
  BASE_TRY(settings.roots, read_roots(section));
  BASE_TRY(settings.call_time, section.duration_or("call_time", kDefaultCallTime));
  if (settings.call_time < kShortestCallTime || settings.call_time > kLongestCallTime)
    return bad_value(section, "call_time", "be between 100ms and 1m");
  return std::optional<TokenSettings>(std::move(settings));
}

}  // namespace countersign::authority
