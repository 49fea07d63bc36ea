#include "policy_command.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "base/files.h"
#include "gateway/route_table.h"
#include "policy/api_key.h"
#include "policy/explain.h"
#include "policy/watch.h"

namespace countersign::apps {
namespace {

using base::ExitCode;

struct Asked {
  std::string file;
  std::string config;
  std::string who;
  std::string request;
  std::string listener;
  std::string from;
  std::string api_key_file;
};

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "policy.command", std::move(detail));
}

/// "POST api.example.com /v1/payments", as the gateway would read it from a connection.
base::Result<http::RequestHead> read_request(const std::string& text) {
  std::istringstream words(text);
  http::RequestHead head;
  std::string host, rest;
  if (!(words >> head.method >> host >> head.target) || words >> rest)
    return wrong("'" + text + "' is no request: write METHOD HOST PATH, such as \"POST api.example.com /v1/payments\"");
  head.fields.add("Host", host);
  return head;
}

base::Result<void> add_api_key(const std::string& file, const policy::Policy& policy, http::RequestHead& head) {
  if (file.empty()) return {};
  BASE_TRY(const base::Secret secret, base::read_secret_file(file));
  std::string key(secret.reveal_text());
  while (key.ends_with('\n') || key.ends_with('\r'))
    key.pop_back();
  head.fields.add(policy.api_key_field(), std::move(key));
  return {};
}

/// A gateway's configuration, and the listener that the request is to come in by.
struct Door {
  const gateway::GatewayConfig& config;
  const gateway::ListenerConfig* listener;
  gateway::RouteTable routes;
};

base::Result<const gateway::ListenerConfig*> find_listener(const gateway::GatewayConfig& config,
                                                           const std::string& name) {
  if (name.empty()) return &config.listeners.front();
  for (const gateway::ListenerConfig& listener : config.listeners)
    if (listener.name == name) return &listener;
  return wrong("the configuration has no listener '" + name + "'");
}

/// Would a handshake there let this caller in under some name?
bool lets_in(const gateway::ListenerConfig& listener, const policy::Caller& caller) {
  return std::ranges::any_of(listener.reachable(), [&](const gateway::SiteConfig* site) {
    if (!caller.identity()) return site->client_certificate != tls::ClientCertificate::required;
    return caller.identity()->environment == site->environment;
  });
}

/// The request as its route takes it; without a configuration it is one that asks for grants.
base::Result<policy::Request> to_request(const http::RequestHead& head, const gateway::Destination& destination,
                                         const policy::Caller& caller, const Door* door) {
  policy::Request request{policy::Access::by_grant, false,      destination.host, head.method,
                          destination.path(),       head.fields};
  if (door == nullptr) return request;
  const gateway::Route* route = door->routes.find(door->listener->name, destination.host, destination.path());
  if (route == nullptr)
    return base::fail(base::Kind::invalid, "gateway.no_route",
                      "no route of the configuration serves this host and path");
  if (route->certificate_required && !caller.identity())
    return base::fail(base::Kind::invalid, "gateway.certificate_required",
                      "the route demands a certificate, whatever the policy says");
  request.access = route->access;
  request.api_key = route->api_key;
  return request;
}

base::Result<ExitCode> explain(const Asked& asked, const policy::PolicyPointer& policy, const Door* door) {
  BASE_TRY(const auto caller, policy::parse_caller(asked.who));
  if (door != nullptr && !lets_in(*door->listener, caller))
    return wrong("the listener '" + door->listener->name + "' of this configuration gives " + asked.who +
                 " no connection, under any name");
  BASE_TRY(auto head, read_request(asked.request));
  BASE_TRY_VOID(add_api_key(asked.api_key_file, *policy, head));
  BASE_TRY(const auto destination, gateway::read_destination(head, ""));
  BASE_TRY(const auto request, to_request(head, destination, caller, door));
  const auto address = net::Address::parse(asked.from);
  if (!asked.from.empty() && !address) return wrong("--from '" + asked.from + "' is no address");
  const auto explained = policy::explain(caller, policy::Rights(*policy, caller), request, address);
  std::fputs(explained.text.c_str(), stdout);
  return explained.permitted ? ExitCode::ok : ExitCode::refused;
}

base::Result<ExitCode> check(const Asked& asked) {
  std::optional<gateway::GatewayConfig> config;
  if (!asked.config.empty()) {
    BASE_TRY(config, gateway::GatewayConfig::load(asked.config));
  }
  std::filesystem::path file = asked.file;
  if (file.empty() && config) file = config->policy;
  policy::PolicyPointer policy = policy::Policy::nothing();
  if (!file.empty()) {
    BASE_TRY(auto loaded, policy::Watch::load(file));
    policy = std::move(loaded.policy);
  } else if (!config) {
    return wrong("name a policy file, or a configuration that names one with --config");
  }
  if (asked.who.empty() != asked.request.empty()) return wrong("--as and --request go together");
  if (!asked.who.empty() && !config) return explain(asked, policy, nullptr);
  if (!asked.who.empty()) {
    BASE_TRY(const auto* listener, find_listener(*config, asked.listener));
    const Door door{*config, listener, gateway::RouteTable(config->routes)};
    return explain(asked, policy, &door);
  }
  std::printf("%s is right: %zu grants\n", file.empty() ? "the configuration" : file.c_str(), policy->grants().size());
  for (const auto& [who, mode] : policy->not_enforced())
    std::printf("not enforced: %s is in mode %s\n", who.c_str(), std::string(policy::name(mode)).c_str());
  return ExitCode::ok;
}

base::Result<ExitCode> make_key(const std::string& who) {
  BASE_TRY(const auto owner, policy::parse_caller(who));
  if (!owner.identity()) return wrong("a key belongs to an application: without its certificate it opens nothing");
  crypto::SystemRandom random;
  BASE_TRY(const auto made, policy::make_api_key(random));
  std::printf(
      "The key, shown this once; give it to %s by a way you trust:\n\n  %s\n\n"
      "For the policy file (a second digest beside the first lets both keys in):\n\n"
      "[[api_keys]]\nowner = \"%s\"\ndigests = [\"%s\"]\n",
      owner.application().c_str(), std::string(made.key.reveal_text()).c_str(), owner.application().c_str(),
      made.digest.c_str());
  return ExitCode::ok;
}

int report(const base::Result<ExitCode>& done) {
  if (done) return static_cast<int>(*done);
  std::fprintf(stderr, "countersign-gateway policy: %s\n", base::to_string(done.error()).c_str());
  // 1 says that a request would be refused, and nothing else.
  const bool file_missing = done.error().kind == base::Kind::not_found;
  return static_cast<int>(file_missing ? ExitCode::usage : base::to_exit_code(done.error().kind));
}

}  // namespace

int run_policy_command(int argc, char** argv) try {
  CLI::App command("Asks a policy file what it says; no gateway is needed.", "countersign-gateway policy");
  command.require_subcommand(1);
  command.get_formatter()->column_width(34);
  Asked asked;
  std::string owner;
  CLI::App* checking = command.add_subcommand("check", "Is the file right, and what does it decide for one request?");
  checking->add_option("FILE", asked.file, "The policy file; else the one that the configuration names");
  checking->add_option("--config", asked.config, "countersign.toml: for its routes and its policy file")
      ->type_name("FILE");
  checking->add_option("--listener", asked.listener, "Of that configuration, where it comes in; else the first")
      ->type_name("NAME");
  checking->add_option("--as", asked.who, "ENVIRONMENT/ORGANISATION/APPLICATION or its URN, or anonymous")
      ->type_name("WHO");
  checking->add_option("--request", asked.request, "What is asked for")->type_name("\"METHOD HOST PATH\"");
  checking->add_option("--from", asked.from, "The address it comes from")->type_name("ADDRESS");
  checking->add_option("--api-key-file", asked.api_key_file, "Holds the API key that is sent along")->type_name("FILE");
  CLI::App* key = command.add_subcommand("key", "Make an API key and the digest for the policy file");
  key->add_option("OWNER", owner, "ENVIRONMENT/ORGANISATION/APPLICATION")->required();
  command.footer("Exit codes: 0 right or let through, 1 refused, 2 wrong option or file, 3 a file is not there.");
  try {
    command.parse(argc, argv);
  } catch (const CLI::ParseError& thrown) {
    const bool asked_for_help = thrown.get_exit_code() == 0;
    command.exit(thrown);
    return static_cast<int>(asked_for_help ? ExitCode::ok : ExitCode::usage);
  }
  return report(checking->parsed() ? check(asked) : make_key(owner));
} catch (const std::exception& thrown) {
  return report(base::fail(base::Kind::internal, "unexpected", thrown.what()));
}

}  // namespace countersign::apps
