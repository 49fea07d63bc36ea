#include "gateway/upstream/settings.h"

#include <algorithm>

#include "base/files.h"
#include "http/plain_server.h"

namespace countersign::gateway {
namespace {

using base::ConfigSection;

constexpr std::int64_t kMostSeats = 1'000'000;
constexpr std::size_t kMostAddresses = 256;
constexpr std::int64_t kMostStreams = 1000;  ///< each may make 64 KiB wait

tl::unexpected<base::Error> wrong(std::string detail) {
  return base::fail(base::Kind::invalid, "gateway.config", std::move(detail));
}

template <class Number>
struct NumberKey {
  std::string_view key;
  Number* value;
  std::int64_t least;
  std::int64_t most;
};

template <class Number>
base::Result<void> read_number(ConfigSection& section, const NumberKey<Number>& number) {
  BASE_TRY(const std::int64_t read, section.integer_or(number.key, static_cast<std::int64_t>(*number.value)));
  if (read < number.least || read > number.most)
    return wrong("'" + section.path_of(number.key) + "' must be " + std::to_string(number.least) + " to " +
                 std::to_string(number.most));
  *number.value = static_cast<Number>(read);
  return {};
}

struct TimeKey {
  std::string_view key;
  base::Duration* value;
  base::Duration least = std::chrono::milliseconds(1);
};

base::Result<void> read_times(ConfigSection& section, std::initializer_list<TimeKey> times) {
  for (const TimeKey& time : times) {
    BASE_TRY(*time.value, section.duration_or(time.key, *time.value));
    if (*time.value < time.least) return wrong("'" + section.path_of(time.key) + "' must be longer than nothing");
  }
  return {};
}

base::Result<std::vector<net::Endpoint>> read_addresses(ConfigSection& section) {
  BASE_TRY(const auto texts, section.texts("addresses"));
  std::vector<net::Endpoint> addresses;
  for (const std::string& text : texts) {
    auto address = net::Endpoint::parse(text);
    if (!address || address->port == 0)
      return wrong("'" + section.path_of("addresses") + "' holds '" + text + "', which is not HOST:PORT");
    if (std::ranges::find(addresses, *address) != addresses.end())
      return wrong("'" + section.path_of("addresses") + "' holds '" + text + "' twice");
    addresses.push_back(std::move(*address));
  }
  if (addresses.empty() || addresses.size() > kMostAddresses)
    return wrong("'" + section.path_of("addresses") + "' must name 1 to " + std::to_string(kMostAddresses) +
                 " HOST:PORT");
  return addresses;
}

base::Result<std::shared_ptr<const trust::TrustSet>> read_anchors(ConfigSection& section,
                                                                  const std::filesystem::path& folder) {
  BASE_TRY(const std::string text, section.text_or("anchors", ""));
  // Law 4: never the system's roots because somebody forgot to say whom to believe.
  if (text.empty())
    return wrong("'" + section.path_of("anchors") +
                 "' is missing: name the PEM file of the CA certificates that the upstream's certificate comes from");
  const auto unusable = [&](base::Error error) {
    return base::unexpected(
        std::move(error).under("gateway.config", "'" + section.path_of("anchors") + "' cannot be used"));
  };
  auto pem = base::read_file(folder / text);
  if (!pem) return unusable(std::move(pem).error());
  auto certificates = x509::Certificate::all_from_pem(*pem);
  if (!certificates) return unusable(std::move(certificates).error());
  std::erase_if(*certificates, [](const x509::Certificate& certificate) { return !certificate.is_ca(); });
  auto set = trust::TrustSet::of_roots(std::move(*certificates), {});
  if (!set) return unusable(std::move(set).error());
  return std::make_shared<const trust::TrustSet>(std::move(*set));
}

base::Result<void> read_proof(ConfigSection& section, const std::filesystem::path& folder, UpstreamTls& tls) {
  BASE_TRY(const std::string credential, section.text_or("credential", ""));
  BASE_TRY(const std::string certificate, section.text_or("certificate", ""));
  BASE_TRY(const std::string key, section.text_or("key", ""));
  if (certificate.empty() != key.empty())
    return wrong("'" + section.path_of("certificate") + "' and '" + section.path_of("key") + "' go together");
  if (!credential.empty() && credential != "service")
    return wrong("'" + section.path_of("credential") +
                 "' can only be \"service\", the gateway's own; another one is named by 'certificate' and 'key'");
  if (!credential.empty() && !key.empty())
    return wrong("'" + section.path_of("credential") + "' and '" + section.path_of("certificate") +
                 "' name two credentials: keep one");
  if (!credential.empty()) tls.proof = UpstreamTls::Proof::service;
  if (!key.empty()) {
    tls.proof = UpstreamTls::Proof::files;
    tls.credential = {folder / key, folder / certificate};
  }
  return {};
}

base::Result<std::optional<UpstreamTls>> read_tls(ConfigSection& section, const std::filesystem::path& folder) {
  BASE_TRY(const bool wanted, section.flag_or("tls", false));
  if (!wanted) {
    for (const std::string_view key : {"anchors", "server_name", "credential", "certificate", "key"})
      if (section.has(key)) return wrong("'" + section.path_of(key) + "' means nothing without tls = true");
    return std::optional<UpstreamTls>();
  }
  UpstreamTls tls;
  BASE_TRY(tls.anchors, read_anchors(section, folder));
  BASE_TRY(tls.server_name, section.text_or("server_name", ""));
  BASE_TRY_VOID(read_proof(section, folder, tls));
  return std::optional(std::move(tls));
}

base::Result<std::optional<UpstreamCheck>> read_check(ConfigSection& section) {
  if (!section.has("check")) return std::optional<UpstreamCheck>();
  BASE_TRY(auto table, section.section("check"));
  UpstreamCheck check;
  BASE_TRY(check.path, table.text_or("path", ""));
  BASE_TRY(check.host, table.text_or("host", ""));
  const auto is_plain = [](const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  };
  if (!check.path.starts_with('/') || !is_plain(check.path))
    return wrong("'" + table.path_of("path") + "' must be given, start with '/' and hold no spaces");
  if (!is_plain(check.host)) return wrong("'" + table.path_of("host") + "' is not a host");
  BASE_TRY_VOID(read_times(table, {{"interval", &check.interval}, {"time", &check.time}}));
  BASE_TRY_VOID(read_number<int>(table, {"status", &check.status, 200, 599}));
  BASE_TRY_VOID(read_number<std::uint32_t>(table, {"rise", &check.rules.rise, 1, 100}));
  BASE_TRY_VOID(read_number<std::uint32_t>(table, {"fall", &check.rules.fall, 1, 100}));
  return std::optional(std::move(check));
}

base::Result<void> read_limits(ConfigSection& section, UpstreamSettings& settings) {
  for (const NumberKey<std::size_t>& number :
       {NumberKey<std::size_t>{"connections", &settings.limits.connections, 1, kMostSeats},
        NumberKey<std::size_t>{"pending", &settings.limits.pending, 0, kMostSeats},
        NumberKey<std::size_t>{"requests", &settings.limits.requests, 1, kMostSeats},
        NumberKey<std::size_t>{"idle_connections", &settings.idle_connections, 0, kMostSeats},
        NumberKey<std::size_t>{"streams", &settings.streams, 1, kMostStreams},
        NumberKey<std::size_t>{"retries", &settings.retries, 0, 10}})
    BASE_TRY_VOID(read_number(section, number));
  int retry_percent = static_cast<int>(settings.retry_ratio * 100);
  BASE_TRY_VOID(read_number<int>(section, {"retry_percent", &retry_percent, 0, 100}));
  settings.retry_ratio = retry_percent / 100.0;
  BASE_TRY_VOID(read_number<unsigned>(section, {"panic_percent", &settings.panic_below, 0, 100}));
  return read_number<std::uint32_t>(section, {"eject_after", &settings.ejection.failures, 0, 1000});
}

base::Result<void> read_protocol(ConfigSection& section, UpstreamSettings& settings) {
  BASE_TRY(const std::string text, section.text_or("protocol", "http1"));
  if (text == "http2") settings.protocol = UpstreamProtocol::http2;
  else if (text == "auto") settings.protocol = UpstreamProtocol::any;
  else if (text != "http1")
    return wrong("'" + section.path_of("protocol") + "' must be \"http1\", \"http2\" or \"auto\"");
  if (settings.protocol == UpstreamProtocol::any && !settings.tls)
    return wrong("'" + section.path_of("protocol") +
                 "' can be \"auto\" only with tls = true: nothing else tells what an upstream speaks");
  // The header is about one client, and a connection of HTTP/2 carries requests of many.
  if (settings.protocol != UpstreamProtocol::http1 && settings.send_proxy_header)
    return wrong("'" + section.path_of("proxy_protocol") + "' needs protocol = \"http1\"");
  return {};
}

base::Result<void> check_plain(ConfigSection& section, UpstreamSettings& settings) {
  BASE_TRY(const bool allowed, section.flag_or("danger_plain", false));
  if (settings.tls) return {};
  for (const net::Endpoint& address : settings.addresses) {
    if (http::is_loopback(address)) continue;
    settings.danger_plain = true;
    if (!allowed)
      return wrong("'" + section.path_of("addresses") + "' holds '" + address.to_string() +
                   "', which is another machine, reached in the clear: set tls = true, or accept the risk with "
                   "danger_plain = true");
  }
  return {};
}

}  // namespace

bool is_upstream_name(std::string_view text) {
  const auto is_good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, is_good);
}

UpstreamSettings settings_of_address(const net::Endpoint& address, UpstreamTimes times) {
  UpstreamSettings settings;
  settings.name = address.to_string();
  settings.addresses = {address};
  settings.times = times;
  settings.ejection.failures = 0;
  settings.resolve_time = base::Duration::zero();
  return settings;
}

base::Result<UpstreamSettings> read_upstream(ConfigSection& section, const std::filesystem::path& folder,
                                             UpstreamTimes times) {
  UpstreamSettings settings;
  settings.times = times;
  BASE_TRY(settings.name, section.text("name"));
  if (!is_upstream_name(settings.name))
    return wrong("'" + section.path_of("name") + "' must be 1 to 63 of a-z, 0-9, '-' and '_'");
  BASE_TRY(settings.addresses, read_addresses(section));
  BASE_TRY_VOID(read_times(section, {{"connect_time", &settings.times.connect},
                                     {"response_time", &settings.times.response},
                                     {"body_time", &settings.times.body},
                                     {"request_time", &settings.times.request, base::Duration::zero()},
                                     {"tunnel_idle_time", &settings.times.tunnel},
                                     {"idle_time", &settings.idle_time},
                                     {"ping_after", &settings.ping_after, base::Duration::zero()},
                                     {"ping_time", &settings.ping_time},
                                     {"eject_time", &settings.ejection.time},
                                     {"eject_longest_time", &settings.ejection.longest_time},
                                     {"resolve_time", &settings.resolve_time, std::chrono::seconds(1)}}));
  BASE_TRY_VOID(read_limits(section, settings));
  BASE_TRY(settings.check, read_check(section));
  BASE_TRY(settings.tls, read_tls(section, folder));
  BASE_TRY(const std::string proxy, section.text_or("proxy_protocol", ""));
  settings.send_proxy_identity = proxy == "v2-identity";
  settings.send_proxy_header = proxy == "v2" || settings.send_proxy_identity;
  if (!proxy.empty() && !settings.send_proxy_header)
    return wrong("'" + section.path_of("proxy_protocol") +
                 "' can only be \"v2\", or \"v2-identity\" with who the client is");
  BASE_TRY_VOID(read_protocol(section, settings));
  BASE_TRY_VOID(check_plain(section, settings));
  return settings;
}

}  // namespace countersign::gateway
