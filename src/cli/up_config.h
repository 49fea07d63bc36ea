// countersign.toml as `countersign up` writes it on its first run, and reads it ever after.
//
// The options of `up` only shape the file of a first run (see up_folder.h). From then on it rules: an option that says
// otherwise is refused rather than silently ignored.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "net/endpoint.h"

namespace countersign::cli {

/// What was asked for on the command line; absent: not asked for.
struct UpSettings {
  std::optional<std::string> provider = std::nullopt;
  std::optional<std::string> environment = std::nullopt;  ///< whose partners the gateway lets in
  std::optional<std::string> upstream = std::nullopt;     ///< HOST:PORT
  std::optional<std::uint16_t> api_port = std::nullopt;
  std::optional<std::uint16_t> internal_port = std::nullopt;
  std::optional<std::uint16_t> status_port = std::nullopt;
  std::optional<std::uint16_t> gateway_port = std::nullopt;
  std::optional<std::uint16_t> gateway_status_port = std::nullopt;
  std::optional<std::uint16_t> ehi_port = std::nullopt;
  std::optional<std::uint16_t> ehi_status_port = std::nullopt;
};

/// The commented file for a first run.
std::string first_config(const UpSettings& settings);

/// The settings with which first_config() would write that file, had nobody edited it. Fails: `config.*`.
base::Result<UpSettings> settings_in(const std::filesystem::path& file);

/// An address on which a program listens: by which key of the file and which option of `up` it is chosen.
struct ListensAt {
  std::string program;
  std::string key;
  std::string option;
  std::string address;
};

/// What `up` itself needs to know of the file; each program reads its own section.
struct UpConfig {
  std::filesystem::path authority_data;
  std::filesystem::path gateway_data;
  std::filesystem::path ehi_data;
  std::vector<std::string> server_names;
  std::optional<std::string> gateway_authority_host;  ///< set when the internal port is left to the system
  std::vector<std::string> upstreams;
  std::vector<ListensAt> listens;
};

/// A line for each address of those programs on which somebody listens already, with where it is chosen; empty where
/// all are free.
std::string busy_addresses(const UpConfig& config, const std::vector<std::string>& programs);

/// Fails: `config.*`; `up.setting` where `settings` contradict the file.
base::Result<UpConfig> read_up_config(const std::filesystem::path& file, const UpSettings& settings);

}  // namespace countersign::cli
