#include "cli/up_config.h"

#include <algorithm>
#include <cerrno>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"

namespace countersign::cli {
namespace {

constexpr std::uint16_t kApiPort = 9443;
constexpr std::uint16_t kInternalPort = 9444;
constexpr std::uint16_t kStatusPort = 9080;
constexpr std::uint16_t kGatewayPort = 8443;
constexpr std::uint16_t kGatewayStatusPort = 9100;
constexpr std::uint16_t kEhiPort = 7080;
constexpr std::uint16_t kEhiStatusPort = 9102;
constexpr const char* kUpstream = "127.0.0.1:8080";

std::string here(std::optional<std::uint16_t> asked, std::uint16_t otherwise) {
  return base::to_json_string("127.0.0.1:" + std::to_string(asked.value_or(otherwise)));
}

std::string authority_line(const UpSettings& settings) {
  const std::uint16_t port = settings.internal_port.value_or(kInternalPort);
  return "authority = " + base::to_json_string("localhost:" + std::to_string(port)) + "\n";
}

/// With a port that only the system will choose there is none to write: the default stands.
std::string oauth_section(const UpSettings& settings) {
  const std::uint16_t port = settings.gateway_port.value_or(kGatewayPort);
  return "\n# Access tokens: the issuer is the gateway's address as partners know it, so set it before the first "
         "token.\n"
         "[authority.oauth]\n" +
         std::string(port == 0 ? "# " : "") +
         "issuer = " + base::to_json_string("https://localhost:" + std::to_string(port == 0 ? kGatewayPort : port)) +
         "\n";
}

/// Off until somebody wants connections from here to the outside.
std::string ehi_checks_section() {
  return "\n# Checks of partners' servers from here, with the certificates that [ehi] calls them with.\n"
         "# [authority.ehi_checks]\n"
         "# credentials = \"ehi\"\n";
}

std::string gateway_section(const UpSettings& settings) {
  return "\n# Where partners come in: mutual TLS, then HTTP to the services behind it.\n"
         "[gateway]\n"
         "data = \"gateway\"\n"
         "listen = " +
         here(settings.gateway_port, kGatewayPort) +
         "          # \"0.0.0.0:8443\" lets other machines in\n"
         "environment = " +
         base::to_json_string(settings.environment.value_or("production")) +
         "          # whose certificates open it\n" + authority_line(settings) +
         "trust_chain = \"trust-chain.pem\"\n"
         "workers = 1\n"
         "status = " +
         here(settings.gateway_status_port, kGatewayStatusPort) +
         "          # health and counters, loopback only\n"
         "# server_certificate = \"chain.pem\"       # your own, when the authority's shall not be shown to partners\n"
         "# server_key = \"chain.key\"\n"
         "\n"
         "[[gateway.routes]]\n"
         "host = \"*\"\n"
         "path = \"/\"\n"
         "upstream = " +
         base::to_json_string(settings.upstream.value_or(kUpstream)) +
         "\n"
         "access = \"any_partner\"                   # who may use it: every partner of this environment, or with\n"
         "                                         # \"policy\" those whom the file named by gateway.policy grants "
         "it\n";
}

std::string ehi_section(const UpSettings& settings) {
  return "\n# Where your own systems call partners' servers, with the provider's Transport Certificate (purpose ehi).\n"
         "[ehi]\n"
         "data = \"ehi\"\n"
         "listen = " +
         here(settings.ehi_port, kEhiPort) + "\n" + authority_line(settings) +
         "trust_chain = \"trust-chain.pem\"\n"
         "status = " +
         here(settings.ehi_status_port, kEhiStatusPort) +
         "\n"
         "\n"
         "# [[ehi.endpoints]]\n"
         "# name = \"acme-decision\"\n"
         "# environment = \"production\"\n"
         "# url = \"https://partner.example/decide\"\n"
         "# deadline = \"200ms\"\n"
         "# anchors = \"system\"                      # or a PEM file with the CA of the partner's server\n";
}

using Contradiction = std::optional<base::Error>;

Contradiction contradiction(std::string_view option, const std::string& asked, const std::string& key,
                            const std::string& stands) {
  return base::Error{base::Kind::invalid, "up.setting",
                     std::string(option) + " " + asked + " has no effect: countersign.toml is there and says " + key +
                         " = \"" + stands + "\"; change it there, or use another --data folder"};
}

struct Sections {
  base::ConfigSection provider;
  base::ConfigSection authority;
  base::ConfigSection gateway;
  base::ConfigSection ehi;
};

/// One of the seven ports: where it stands in the file, by which option it is chosen, what it is when nobody chose.
struct Port {
  const char* program;
  base::ConfigSection Sections::*section;
  const char* key;
  std::uint16_t otherwise;
  const char* option;
  std::optional<std::uint16_t> UpSettings::*setting;
};

constexpr Port kPorts[] = {
    {"authority", &Sections::authority, "api", kApiPort, "--api-port", &UpSettings::api_port},
    {"authority", &Sections::authority, "internal", kInternalPort, "--internal-port", &UpSettings::internal_port},
    {"authority", &Sections::authority, "status_listen", kStatusPort, "--status-port", &UpSettings::status_port},
    {"gateway", &Sections::gateway, "listen", kGatewayPort, "--gateway-port", &UpSettings::gateway_port},
    {"gateway", &Sections::gateway, "status", kGatewayStatusPort, "--gateway-status-port",
     &UpSettings::gateway_status_port},
    {"ehi", &Sections::ehi, "listen", kEhiPort, "--ehi-port", &UpSettings::ehi_port},
    {"ehi", &Sections::ehi, "status", kEhiStatusPort, "--ehi-status-port", &UpSettings::ehi_status_port}};

/// Where a program listens; the gateway, where it has several listeners, with the first of them.
base::Result<ListensAt> read_address(Sections& in, const Port& port) {
  base::ConfigSection& section = in.*port.section;
  const std::string otherwise = "127.0.0.1:" + std::to_string(port.otherwise);
  if (port.option == std::string_view("--gateway-port") && section.has("listeners")) {
    BASE_TRY(auto listeners, section.sections("listeners"));
    BASE_TRY(std::string text, listeners.front().text_or("listen", otherwise));
    return ListensAt{port.program, listeners.front().path_of("listen"), port.option, std::move(text)};
  }
  BASE_TRY(std::string text, section.text_or(port.key, otherwise));
  return ListensAt{port.program, section.path_of(port.key), port.option, std::move(text)};
}

base::Result<std::vector<ListensAt>> read_addresses(Sections& in) {
  std::vector<ListensAt> listens;
  for (const Port& port : kPorts) {
    BASE_TRY(ListensAt one, read_address(in, port));
    listens.push_back(std::move(one));
  }
  return listens;
}

base::Result<void> check_ports(const std::vector<ListensAt>& listens, const UpSettings& settings) {
  for (std::size_t i = 0; i < listens.size(); ++i) {
    const auto& asked = settings.*kPorts[i].setting;
    if (!asked || listens[i].address.ends_with(":" + std::to_string(*asked))) continue;
    return base::unexpected(
        *contradiction(listens[i].option, std::to_string(*asked), listens[i].key, listens[i].address));
  }
  return {};
}

base::Result<void> check_texts(Sections& in, const UpSettings& settings, const std::vector<std::string>& upstreams) {
  BASE_TRY(const std::string provider, in.provider.text_or("name", ""));
  if (settings.provider && *settings.provider != provider)
    return base::unexpected(*contradiction("--provider", *settings.provider, "provider.name", provider));
  BASE_TRY(const std::string environment, in.gateway.text_or("environment", "production"));
  if (settings.environment && *settings.environment != environment)
    return base::unexpected(*contradiction("--environment", *settings.environment, "gateway.environment", environment));
  if (settings.upstream && std::ranges::find(upstreams, *settings.upstream) == upstreams.end())
    return base::unexpected(*contradiction("--upstream", *settings.upstream, "gateway.routes[1].upstream",
                                           upstreams.empty() ? "" : upstreams.front()));
  return {};
}

base::Result<std::vector<std::string>> read_upstreams(base::ConfigSection& gateway) {
  BASE_TRY(std::vector<base::ConfigSection> routes, gateway.sections("routes"));
  std::vector<std::string> upstreams;
  for (base::ConfigSection& route : routes) {
    BASE_TRY(std::string upstream, route.text_or("upstream", ""));
    upstreams.push_back(std::move(upstream));
  }
  return upstreams;
}

/// With port 0 only the running authority knows its port; the host by which the data planes call it stays as
/// configured.
base::Result<std::optional<std::string>> host_without_port(Sections& in) {
  BASE_TRY(const std::string internal, in.authority.text_or("internal", "127.0.0.1:9444"));
  if (!internal.ends_with(":0")) return std::optional<std::string>();
  BASE_TRY(const std::string called, in.gateway.text_or("authority", "localhost:9444"));
  BASE_TRY(const net::Endpoint endpoint, net::Endpoint::parse(called));
  return std::optional<std::string>(endpoint.host);
}

base::Result<Sections> open_sections(const std::filesystem::path& file) {
  BASE_TRY(base::ConfigSection top, base::ConfigSection::load(file));
  BASE_TRY(base::ConfigSection provider, top.section("provider"));
  BASE_TRY(base::ConfigSection authority, top.section("authority"));
  BASE_TRY(base::ConfigSection gateway, top.section("gateway"));
  BASE_TRY(base::ConfigSection ehi, top.section("ehi"));
  return Sections{std::move(provider), std::move(authority), std::move(gateway), std::move(ehi)};
}

/// Does somebody listen there? Asked as a listener of ours would ask.
bool is_taken(const net::Endpoint& at) {
  addrinfo wanted{};
  wanted.ai_flags = AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (at.port == 0 || ::getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &wanted, &found) != 0)
    return false;
  const int descriptor = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool taken = ::bind(descriptor, found->ai_addr, found->ai_addrlen) != 0 && errno == EADDRINUSE;
  if (descriptor >= 0) ::close(descriptor);
  ::freeaddrinfo(found);
  return taken;
}

}  // namespace

std::string first_config(const UpSettings& settings) {
  return "# Countersign on this machine. Written once by `countersign up`; yours to edit. Unknown keys are refused.\n"
         "# Relative paths are relative to this file. The gateway takes over a change of [gateway] while it serves, "
         "within\n"
         "# seconds (what it cannot, it logs as gateway.reload_kept); for the rest restart `countersign up`.\n"
         "\n"
         "[provider]\n"
         "name = " +
         base::to_json_string(settings.provider.value_or("Example Payments")) +
         "          # stands in the CA certificates\n"
         "\n"
         "# The Certificate Authority, the registry and their API.\n"
         "[authority]\n"
         "data = \"authority\"\n"
         "api = " +
         here(settings.api_port, kApiPort) +
         "             # for `countersign admin` and `countersign request`\n"
         "internal = " +
         here(settings.internal_port, kInternalPort) +
         "        # the trust feed, mutual TLS only\n"
         "status_listen = " +
         here(settings.status_port, kStatusPort) +
         "   # CRLs and OCSP, plain HTTP: \"0.0.0.0:9080\" lets others ask\n"
         "# status_url = \"http://pki.example.com\"   # how others reach it; certificates name it, so set it first\n"
         "server_names = [\"localhost\", \"127.0.0.1\"]  # in the server certificates of this machine\n"
         "passphrase_file = \"\"                    # protects the CA keys; empty: made in data/passphrase\n"
         "certificate_life = \"350d\"\n" +
         oauth_section(settings) + ehi_checks_section() + gateway_section(settings) + ehi_section(settings);
}

base::Result<UpSettings> settings_in(const std::filesystem::path& file) {
  BASE_TRY(Sections in, open_sections(file));
  UpSettings settings;
  BASE_TRY(settings.provider, in.provider.text_or("name", ""));
  BASE_TRY(settings.environment, in.gateway.text_or("environment", ""));
  BASE_TRY(const std::vector<std::string> upstreams, read_upstreams(in.gateway));
  if (!upstreams.empty()) settings.upstream = upstreams.front();
  BASE_TRY(const std::vector<ListensAt> listens, read_addresses(in));
  for (std::size_t i = 0; i < listens.size(); ++i) {
    BASE_TRY(const net::Endpoint address, net::Endpoint::parse(listens[i].address));
    settings.*kPorts[i].setting = address.port;
  }
  return settings;
}

std::string busy_addresses(const UpConfig& config, const std::vector<std::string>& programs) {
  std::string lines;
  for (const ListensAt& one : config.listens) {
    if (std::ranges::find(programs, one.program) == programs.end()) continue;
    const auto address = net::Endpoint::parse(one.address);
    if (!address || !is_taken(*address)) continue;
    lines += "\n  " + one.address + " is taken by another program: choose another by " + one.option +
             " PORT on a first run, afterwards in countersign.toml (" + one.key + ")";
  }
  return lines;
}

base::Result<UpConfig> read_up_config(const std::filesystem::path& file, const UpSettings& settings) {
  BASE_TRY(Sections in, open_sections(file));
  UpConfig config;
  BASE_TRY(const std::string authority_data, in.authority.text_or("data", "authority"));
  BASE_TRY(const std::string gateway_data, in.gateway.text_or("data", "gateway"));
  BASE_TRY(const std::string ehi_data, in.ehi.text_or("data", "ehi"));
  BASE_TRY(config.server_names, in.authority.texts("server_names"));
  if (config.server_names.empty()) config.server_names = {"localhost", "127.0.0.1"};
  BASE_TRY(config.upstreams, read_upstreams(in.gateway));
  BASE_TRY(config.gateway_authority_host, host_without_port(in));
  BASE_TRY(config.listens, read_addresses(in));
  BASE_TRY_VOID(check_ports(config.listens, settings));
  BASE_TRY_VOID(check_texts(in, settings, config.upstreams));
  const std::filesystem::path folder = file.parent_path();
  config.authority_data = folder / authority_data;
  config.gateway_data = folder / gateway_data;
  config.ehi_data = folder / ehi_data;
  return config;
}

}  // namespace countersign::cli
