// countersign-gateway: the inbound data plane.
#include "daemon.h"
#include "gateway/gateway.h"
#include "policy_command.h"

namespace {

using namespace countersign;

constexpr const char* kName = "countersign-gateway";

base::Result<gateway::GatewayConfig> read_config(const std::string& file, const std::string& authority) {
  BASE_TRY(auto config, gateway::GatewayConfig::load(file));
  if (!authority.empty()) {
    BASE_TRY(config.authority, net::Endpoint::parse(authority));
  }
  return config;
}

base::Result<void> run(const apps::DaemonContext& context, const std::string& authority) {
  const std::string file = context.options.config;
  const base::Log gathered({.program = kName}, context.clock, context.sink.gathered());
  const gateway::RecordsOut records{gathered, context.sink};
  gateway::ConfigSource source{file, [file, authority] { return read_config(file, authority); }};
  BASE_TRY(auto gateway, gateway::Gateway::make(std::move(source), context.clock, context.log, &records));
  BASE_TRY_VOID(gateway->succeed());
  const auto listeners = gateway->listening_at();
  base::Fields addresses = {{"listen", listeners.front().at.to_string()}, {"status", gateway->status_at().to_string()}};
  if (listeners.size() > 1)
    for (const auto& [name, at] : listeners)
      addresses.emplace_back(name, at.to_string());
  BASE_TRY_VOID(apps::write_ready_file(context.options.ready_file, addresses));
  gateway->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "policy") return apps::run_policy_command(argc - 1, argv + 1);
  std::string authority;
  return apps::run_daemon(
      argc, argv,
      {.name = kName,
       .purpose = "Serves REST APIs to partners over mutual TLS.",
       .options = {{"--authority", "The authority's internal listener, instead of the configured one", &authority,
                    false, "HOST:PORT"}},
       .more = "Commands that need no gateway (each with --help):\n"
               "  policy check                Is a policy file right, and what does it decide for one request?\n"
               "  policy key                  Make an API key and the digest for the policy file",
       .work = [&](const apps::DaemonContext& context) { return run(context, authority); }});
}
