// Peers: the servers that are measured, each started with the same PKI, upstream and number of workers.
#pragma once

#include <string>

#include "material.h"
#include "process.h"

namespace countersign::bench {

/// How all of them are set up.
struct Setup {
  const Material& material;
  std::string gateway_program;
  int upstream_port;
  int workers = 1;
  std::string access_log = "on";   ///< "on": one line a request into a file, as each does by default; or "off"
  std::string resumption = "off";  ///< at our listener
};

/// One server under measurement.
struct Server {
  std::string name;
  int port;
  Process process;
};

/// countersign-gateway, `revoked` certificates in its registry.
Server start_gateway(const Setup& setup, const std::string& name, std::size_t revoked);
/// By name: "nginx" and "haproxy" as Debian sets them up; with "-no-tickets" behind it, nobody comes back on a session;
/// with "-sessions", on one that is kept at the server.
Server start_peer(const Setup& setup, const std::string& name);

}  // namespace countersign::bench
