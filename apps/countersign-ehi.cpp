// countersign-ehi: the outbound data plane.
#include "daemon.h"
#include "ehi/sender.h"

namespace {

using namespace countersign;

base::Result<void> run(const apps::DaemonContext& context, const std::string& authority) {
  BASE_TRY(auto config, ehi::EhiConfig::load(context.options.config));
  if (!authority.empty()) {
    BASE_TRY(config.authority, net::Endpoint::parse(authority));
  }
  BASE_TRY(auto sender, ehi::Sender::make(std::move(config), context.clock, context.log));
  BASE_TRY_VOID(apps::write_ready_file(context.options.ready_file, {{"listen", sender->listening_at().to_string()},
                                                                    {"status", sender->status_at().to_string()}}));
  sender->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::string authority;
  return apps::run_daemon(
      argc, argv,
      {.name = "countersign-ehi",
       .purpose =
           "Calls partners' servers with the provider's EHI certificate (its Transport Certificate towards them).",
       .options = {{"--authority", "The authority's internal listener, instead of the configured one", &authority,
                    false, "HOST:PORT"}},
       .work = [&](const apps::DaemonContext& context) { return run(context, authority); }});
}
