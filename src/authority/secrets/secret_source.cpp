#include "authority/secrets/secret_source.h"

#include "base/files.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kFileLimit = 4096;

base::Result<base::Secret> from_text(const SecretName& name, std::string_view text, const std::string& origin) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  const std::string code = name.code;
  if (text.empty())
    return base::fail(base::Kind::invalid, code + ".empty", std::string(name.words) + " in " + origin + " is empty");
  if (text.size() > kPassphraseLimit)
    return base::fail(base::Kind::invalid, code + ".too_long",
                      std::string(name.words) + " in " + origin + " has more than " + std::to_string(kPassphraseLimit) +
                          " bytes, which no program could use");
  return base::Secret(text);
}

}  // namespace

base::Result<base::Secret> read_secret(const SecretName& name, const std::filesystem::path& file) {
  const auto content = base::read_secret_file(file, kFileLimit);
  if (!content)
    return base::unexpected(
        base::Error(content.error())
            .under(std::string(name.code) + ".unreadable", std::string("cannot read ") + name.words));
  return from_text(name, content->reveal_text(), "'" + file.string() + "'");
}

base::Result<std::optional<base::Secret>> find_secret(const SecretName& name, const SecretSources& sources) {
  const auto some = [](base::Result<base::Secret> found) -> base::Result<std::optional<base::Secret>> {
    BASE_TRY(auto secret, std::move(found));
    return std::optional<base::Secret>(std::move(secret));
  };
  if (sources.environment) return some(from_text(name, *sources.environment, "$" + std::string(name.variable)));
  const std::filesystem::path given_by_systemd = sources.credentials_directory / name.credential;
  if (!sources.credentials_directory.empty() && std::filesystem::exists(given_by_systemd))
    return some(read_secret(name, given_by_systemd));
  if (!sources.configured_file.empty()) return some(read_secret(name, sources.configured_file));
  return std::optional<base::Secret>();
}

}  // namespace countersign::authority
