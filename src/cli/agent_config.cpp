#include "cli/agent_config.h"

#include <algorithm>

#include "http/plain_server.h"

namespace countersign::cli {
namespace {

using base::ConfigSection;

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "agent.config", std::move(detail));
}

base::Result<net::Endpoint> read_endpoint(ConfigSection& section, std::string_view key, std::string_view otherwise) {
  BASE_TRY(const std::string text, section.text_or(key, otherwise));
  auto endpoint = net::Endpoint::parse(text);
  if (endpoint) return endpoint;
  return base::unexpected(
      std::move(endpoint).error().under("agent.config", "'" + section.path_of(key) + "' is not HOST:PORT"));
}

base::Result<base::Duration> read_time(ConfigSection& section, std::string_view key, base::Duration otherwise) {
  BASE_TRY(const base::Duration time, section.duration_or(key, otherwise));
  if (time <= base::Duration::zero()) return wrong("'" + section.path_of(key) + "' must be longer than nothing");
  return time;
}

base::Result<std::vector<trust::Purpose>> read_purposes(ConfigSection& section) {
  BASE_TRY(auto names, section.texts("purposes"));
  if (!section.has("purposes")) names = {"transport"};
  std::vector<trust::Purpose> purposes;
  for (const std::string& name : names) {
    auto purpose = trust::parse_purpose(name);
    if (!purpose)
      return base::unexpected(std::move(purpose).error().under(
          "agent.config", "'" + section.path_of("purposes") + "' knows no '" + name.substr(0, 40) + "'"));
    if (std::ranges::find(purposes, *purpose) != purposes.end())
      return wrong("'" + section.path_of("purposes") + "' names '" + name + "' twice");
    purposes.push_back(*purpose);
  }
  if (purposes.empty()) return wrong("'" + section.path_of("purposes") + "' must name one purpose at least");
  return purposes;
}

base::Result<KeptFolder> read_folder(ConfigSection& section, const std::filesystem::path& base) {
  KeptFolder kept;
  BASE_TRY(const std::string dir, section.text("dir"));
  kept.folder = (base / dir).lexically_normal();
  if (!kept.folder.has_filename()) kept.folder = kept.folder.parent_path();  // "acme/" is "acme"
  BASE_TRY(kept.purposes, read_purposes(section));
  BASE_TRY(kept.authority, read_endpoint(section, "authority", "localhost:9443"));
  BASE_TRY(const std::string chain, section.text_or("trust_chain", "trust-chain.pem"));
  kept.trust_chain = base / chain;
  BASE_TRY(kept.hook, section.texts("hook"));
  if (section.has("hook") && (kept.hook.empty() || kept.hook.front().empty()))
    return wrong("'" + section.path_of("hook") + "' must be a list: the program, then its arguments");
  BASE_TRY(kept.hook_time, read_time(section, "hook_time", kept.hook_time));
  if (section.has("key_type")) {
    BASE_TRY(const std::string type, section.text("key_type"));
    BASE_TRY(kept.key_kind, crypto::PrivateKey::parse_kind(type));
  }
  if (section.has("danger_renew_after")) {
    BASE_TRY(kept.danger_renew_after, read_time(section, "danger_renew_after", {}));
  }
  return kept;
}

base::Result<AgentConfig> read(ConfigSection& top, const std::filesystem::path& folder) {
  AgentConfig config;
  BASE_TRY(ConfigSection agent, top.section("agent"));
  BASE_TRY(config.status, read_endpoint(agent, "status", "127.0.0.1:9103"));
  if (!http::is_loopback(config.status))
    return wrong("'" + agent.path_of("status") + "' must be a loopback address: it is plain HTTP");
  BASE_TRY(config.retries.first, read_time(agent, "first_retry", config.retries.first));
  BASE_TRY(config.retries.longest, read_time(agent, "longest_retry", config.retries.longest));
  if (config.retries.longest < config.retries.first)
    return wrong("'" + agent.path_of("longest_retry") + "' must not be shorter than first_retry");
  BASE_TRY(auto sections, top.sections("certificates"));
  for (ConfigSection& section : sections) {
    BASE_TRY(KeptFolder kept, read_folder(section, folder));
    if (std::ranges::find(config.folders, kept.folder, &KeptFolder::folder) != config.folders.end())
      return wrong("'" + section.path_of("dir") + "' is named by another of [[certificates]] already");
    config.folders.push_back(std::move(kept));
  }
  BASE_TRY_VOID(top.finish());
  if (config.folders.empty()) return wrong("there is no [[certificates]]: nothing would be kept fresh");
  return config;
}

}  // namespace

base::Result<AgentConfig> AgentConfig::load(const std::filesystem::path& file) {
  BASE_TRY(ConfigSection top, ConfigSection::load(file));
  auto config = read(top, std::filesystem::absolute(file).parent_path());
  if (config) return config;
  return base::unexpected(top.explain(std::move(config).error()));
}

}  // namespace countersign::cli
