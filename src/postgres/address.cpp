#include "postgres/address.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <libpq-fe.h>

namespace countersign::postgres {
namespace {

using Options = std::map<std::string, std::string>;

/// The parameters a URI may have (libpq's "Parameter Key Words"). `options` is not among them, because it could undo
/// what a session of ours sets, nor `service`, behind which a host could hide.
constexpr std::array<std::string_view, 27> kTaken = {"host",
                                                     "hostaddr",
                                                     "port",
                                                     "dbname",
                                                     "user",
                                                     "password",
                                                     "passfile",
                                                     "sslmode",
                                                     "sslrootcert",
                                                     "sslcert",
                                                     "sslkey",
                                                     "sslpassword",
                                                     "sslcrl",
                                                     "sslcrldir",
                                                     "sslsni",
                                                     "requirepeer",
                                                     "krbsrvname",
                                                     "ssl_min_protocol_version",
                                                     "gsslib",
                                                     "gssencmode",
                                                     "channel_binding",
                                                     "application_name",
                                                     "connect_timeout",
                                                     "keepalives_idle",
                                                     "keepalives_interval",
                                                     "keepalives_count",
                                                     "tcp_user_timeout"};

/// What is added where a URI does not say it: a server that vanishes must not hold a program for hours.
constexpr std::array<std::pair<const char*, const char*>, 5> kDefaults = {{{"connect_timeout", "5"},
                                                                           {"keepalives_idle", "5"},
                                                                           {"keepalives_interval", "2"},
                                                                           {"keepalives_count", "3"},
                                                                           {"tcp_user_timeout", "10000"}}};

tl::unexpected<base::Error> refuse(const Use& use, const std::string& what) {
  return base::fail(base::Kind::invalid, std::string(use.code), std::string(use.what) + "'s URI " + what);
}

/// What the environment says of `keyword` (PGHOST and so on), or what libpq was built with.
std::string default_of(const char* keyword) {
  std::string value;
  PQconninfoOption* defaults = PQconndefaults();
  for (const PQconninfoOption* option = defaults; option != nullptr && option->keyword != nullptr; ++option)
    if (std::string_view(option->keyword) == keyword && option->val != nullptr) value = option->val;
  PQconninfoFree(defaults);
  return value;
}

base::Result<Options> take_apart(const std::string& uri, const Use& use) {
  char* complaint = nullptr;  // may repeat parts of the URI, and with them a password
  PQconninfoOption* parsed = PQconninfoParse(uri.c_str(), &complaint);
  PQfreemem(complaint);
  if (parsed == nullptr)
    return refuse(use,
                  "does not parse: it looks like postgresql://user@host:5432/database?sslrootcert=/etc/ssl/db-ca.pem");
  Options options;
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option)
    if (option->val != nullptr) options[option->keyword] = option->val;
  PQconninfoFree(parsed);
  return options;
}

bool is_local(std::string_view host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host.starts_with("127.") || host == "::1";
}

/// `hosts` may be a list with commas.
bool are_all_local(std::string_view hosts) {
  for (;;) {
    const std::size_t comma = hosts.find(',');
    if (!is_local(hosts.substr(0, comma))) return false;
    if (comma == hosts.npos) return true;
    hosts.remove_prefix(comma + 1);
  }
}

/// The statements carry every certificate and every decision: on a network they go to a server that has proved itself.
base::Result<void> check_peer(Options& options, Peer peer, const Use& use) {
  const std::string host = options.contains("host") ? options["host"] : default_of("host");
  const std::string address = options.contains("hostaddr") ? options["hostaddr"] : default_of("hostaddr");
  if (peer == Peer::danger_anybody || (are_all_local(host) && are_all_local(address))) return {};
  const auto [mode, is_new] = options.try_emplace("sslmode", "verify-full");
  if (is_new || mode->second == "verify-full") return {};
  return refuse(use,
                "has sslmode=" + mode->second +
                    ": a database on another machine must prove who it is; use verify-full and sslrootcert=FILE (or " +
                    std::string(use.danger) + ")");
}

/// libpq's "Keyword/Value Connection Strings": values in quotes, with quotes and backslashes escaped.
std::string to_text(const Options& options) {
  std::string text;
  for (const auto& [keyword, value] : options) {
    text += keyword + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  }
  return text;
}

std::string to_shown(Options options) {
  const std::string at = options["host"].empty() ? options["hostaddr"] : options["host"];
  const std::string port = options["port"].empty() ? "" : ":" + options["port"];
  const std::string user = options["user"].empty() ? "" : options["user"] + "@";
  return "postgresql://" + user + at + port + "/" + options["dbname"];
}

}  // namespace

base::Result<Address> parse_address(const std::string& uri, Peer peer, const Use& use) {
  if (!uri.starts_with("postgresql://") && !uri.starts_with("postgres://"))
    return refuse(use, "must begin with postgresql://");
  if (std::ranges::any_of(uri, [](char c) { return static_cast<unsigned char>(c) < 0x21 || c == 0x7f; }))
    return refuse(use, "holds a space or control character: write it as %20");
  BASE_TRY(Options options, take_apart(uri, use));
  for (const auto& [keyword, value] : options) {
    if (std::ranges::find(kTaken, keyword) == kTaken.end())
      return refuse(use, "may not have the parameter '" + keyword + "'");
    // %00 would cut the text short where C reads it.
    if (value.find('\0') != value.npos) return refuse(use, "holds a NUL");
  }
  if (options["dbname"].empty()) return refuse(use, "must name a database");
  // libpq expands a database name that is itself a connection text.
  if (options["dbname"].find('=') != std::string::npos || options["dbname"].find("://") != std::string::npos)
    return refuse(use, "names a database with '=' or '://' in it");
  BASE_TRY_VOID(check_peer(options, peer, use));
  options.try_emplace("application_name", std::string(use.program));
  for (const auto& [keyword, value] : kDefaults)
    options.try_emplace(keyword, value);
  options["client_encoding"] = "UTF8";
  options["target_session_attrs"] = "read-write";  // of several hosts, the one that takes changes
  return Address{std::make_shared<const base::Secret>(std::string_view(to_text(options))), to_shown(options)};
}

}  // namespace countersign::postgres
