#include "peers.h"

#include <unistd.h>

#include "base/check.h"
#include "base/files.h"

namespace countersign::bench {
namespace {

std::string number(int value) { return std::to_string(value); }

void write_file(const std::filesystem::path& path, const std::string& text) {
  BASE_CHECK(base::write_file(path, text, base::FileMode::owner_only).has_value());
}

/// nginx without what could cost it and is nobody's question here: no file for a body, upstream connections kept.
std::string nginx_config(const Setup& setup, const std::filesystem::path& own, int port, bool tickets) {
  const std::filesystem::path& pki = setup.material.folder();
  std::string text = getuid() == 0 ? "user root;\n" : "";
  text += "daemon off; worker_processes " + number(setup.workers) + "; pid " + (own / "pid").string() +
          ";\nevents { worker_connections 8000; }\nhttp {\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += "  " + std::string(kind) + "_temp_path " + (own / kind).string() + ";\n";
  text += setup.access_log == "on" ? "  access_log " + (own / "access.log").string() + ";\n" : "  access_log off;\n";
  text += "  keepalive_requests 1000000000;\n  client_max_body_size 0;\n  proxy_max_temp_file_size 0;\n";
  text += "  upstream service { server 127.0.0.1:" + number(setup.upstream_port) +
          "; keepalive 256; keepalive_requests 1000000000; }\n";
  text += "  server {\n    listen 127.0.0.1:" + number(port) + " ssl http2 backlog=1024" +
          (setup.workers > 1 ? " reuseport" : "") + ";\n";
  text += "    ssl_certificate " + (pki / "server.pem").string() + ";\n    ssl_certificate_key " +
          (pki / "server.key").string() + ";\n    ssl_client_certificate " + (pki / "partner-root.pem").string() +
          ";\n    ssl_verify_client on;\n    ssl_verify_depth 3;\n    ssl_protocols TLSv1.2 TLSv1.3;\n"
          "    ssl_ecdh_curve X25519:P-256;\n";
  if (!tickets) text += "    ssl_session_tickets off;\n    ssl_session_cache off;\n";
  text +=
      "    location / {\n      proxy_pass http://service;\n      proxy_http_version 1.1;\n"
      "      proxy_set_header Connection \"\";\n      proxy_set_header Host $host;\n      proxy_request_buffering "
      "off;\n"
      "      proxy_set_header Client-Cert $ssl_client_escaped_cert;\n"
      "      proxy_set_header X-Forwarded-For $remote_addr;\n      proxy_set_header X-Forwarded-Proto https;\n"
      "    }\n  }\n}\n";
  return text;
}

std::string haproxy_config(const Setup& setup, int port, bool tickets) {
  const std::filesystem::path& pki = setup.material.folder();
  std::string text = "global\n  nbthread " + number(setup.workers) + "\n  maxconn 8000\n";
  if (setup.access_log == "on") text += "  log stdout format raw local0 info\n";
  text += "  ssl-default-bind-options ssl-min-ver TLSv1.2";
  text += tickets ? "\n" : " no-tls-tickets\n  tune.ssl.cachesize 0\n";
  text +=
      "defaults\n  mode http\n  timeout connect 3s\n  timeout client 75s\n  timeout server 60s\n"
      "  timeout http-keep-alive 75s\n  http-reuse always\n";
  if (setup.access_log == "on") text += "  log global\n  option httplog\n";
  text += "frontend partners\n  bind 127.0.0.1:" + number(port) + " backlog 1024 ssl crt " +
          (pki / "server-and-key.pem").string() + " ca-file " + (pki / "partner-root.pem").string() +
          " verify required curves X25519:P-256 alpn h2,http/1.1\n"
          "  http-request set-header Client-Cert :%[ssl_c_der,base64]:\n"
          "  http-request set-header X-Forwarded-For %[src]\n  http-request set-header X-Forwarded-Proto https\n"
          "  default_backend service\nbackend service\n  server one 127.0.0.1:" +
          number(setup.upstream_port) + " pool-max-conn 256\n";
  return text;
}

}  // namespace

Server start_gateway(const Setup& setup, const std::string& name, std::size_t revoked) {
  const std::filesystem::path data = setup.material.make_gateway_data(name, revoked);
  const int port = free_port();
  write_file(data / "countersign.toml",
             "[gateway]\ndata = \".\"\ntrust_chain = \"../trust-chain.pem\"\npartner_chain = \"../partner-root.pem\"\n"
             "listen = \"127.0.0.1:" +
                 number(port) + "\"\nstatus = \"127.0.0.1:" + number(free_port()) +
                 "\"\nauthority = \"127.0.0.1:1\"\nenvironment = \"production\"\nworkers = " + number(setup.workers) +
                 "\naccess_log = " + (setup.access_log == "on" ? "true" : "false") +
                 "\n[[gateway.routes]]\nupstream = \"127.0.0.1:" + number(setup.upstream_port) + "\"\n");
  const std::filesystem::path log = data / "log";
  Server server{name, port,
                Process::start({setup.gateway_program, "--config", (data / "countersign.toml").string()}, log)};
  wait_until_listening(server.process, port, log);
  return server;
}

Server start_peer(const Setup& setup, const std::string& name) {
  const std::filesystem::path own = setup.material.file(name + "-" + number(setup.workers));
  BASE_CHECK(base::make_folder(own).has_value());
  const int port = free_port();
  const bool tickets = name.find("no-tickets") == std::string::npos;
  const bool is_nginx = name.starts_with("nginx");
  const std::string config = (own / "config").string();
  write_file(config, is_nginx ? nginx_config(setup, own, port, tickets) : haproxy_config(setup, port, tickets));
  const std::filesystem::path log = own / "log";
  const std::vector<std::string> arguments =
      is_nginx ? std::vector<std::string>{"nginx", "-e", (own / "error.log").string(), "-c", config}
               : std::vector<std::string>{"haproxy", "-db", "-f", config};
  const std::string shown = setup.workers == 1 ? name : name + "-with-" + number(setup.workers);
  Server server{shown, port, Process::start(arguments, log)};
  wait_until_listening(server.process, port, log);
  return server;
}

}  // namespace countersign::bench
