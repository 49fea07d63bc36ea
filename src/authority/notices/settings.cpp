#include "authority/notices/settings.h"

#include <algorithm>
#include <iterator>

#include "base/config_path.h"
#include "base/files.h"
#include "http/plain_server.h"
#include "net/configured_networks.h"

namespace countersign::authority {
namespace {

namespace fs = std::filesystem;
using base::Kind;
using courier::MailSecurity;

constexpr std::size_t kOperatorLimit = 20;
constexpr std::size_t kUserLimit = 256;
constexpr Threshold kDaySeconds = 24 * 60 * 60;

tl::unexpected<base::Error> wrong(const base::ConfigSection& section, std::string_view key, const std::string& why) {
  return base::fail(Kind::invalid, "config.value", "'" + section.path_of(key) + "' " + why);
}

Threshold to_seconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

enum class Side { before, after };

base::Result<std::vector<Threshold>> read_side(base::ConfigSection& section, std::string_view key, Side side) {
  BASE_TRY(const auto texts, section.texts(key));
  std::vector<Threshold> thresholds;
  for (const std::string& text : texts) {
    BASE_TRY(const base::Duration duration, base::parse_duration(text));
    const Threshold seconds = to_seconds(duration);
    if (duration > kFarthestThreshold || (side == Side::before && seconds == 0))
      return wrong(section, key, "holds '" + text + "': each is at most 365d, and before the end at least 1s");
    thresholds.push_back(side == Side::before ? -seconds : seconds);
  }
  if (thresholds.size() > kThresholdLimit) return wrong(section, key, "has more than 20 entries");
  return thresholds;
}

base::Result<std::vector<Threshold>> read_thresholds(base::ConfigSection& section) {
  const auto otherwise = NoticeSettings::default_thresholds();
  std::vector<Threshold> thresholds;
  for (const auto& [key, side] : {std::pair{"before", Side::before}, std::pair{"after", Side::after}}) {
    if (section.has(key)) {
      BASE_TRY(const auto read, read_side(section, key, side));
      thresholds.insert(thresholds.end(), read.begin(), read.end());
    } else {
      std::ranges::copy_if(otherwise, std::back_inserter(thresholds),
                           [wanted = side](Threshold one) { return (one < 0) == (wanted == Side::before); });
    }
  }
  std::ranges::sort(thresholds);
  thresholds.erase(std::ranges::unique(thresholds).begin(), thresholds.end());
  return thresholds;
}

base::Result<courier::MailAddress> read_address(const base::ConfigSection& section, std::string_view key,
                                                const std::string& text) {
  auto address = courier::MailAddress::parse(text);
  if (!address)
    return base::unexpected(
        std::move(address).error().under("config.value", "'" + section.path_of(key) + "' holds '" + text + "'"));
  return address;
}

/// "smtp://HOST:PORT" or "smtps://HOST:PORT".
base::Result<std::pair<net::Endpoint, MailSecurity>> parse_server(const base::ConfigSection& section,
                                                                  std::string_view url) {
  const bool whole = url.starts_with("smtps://");
  if (!whole && !url.starts_with("smtp://"))
    return wrong(section, "smtp", "must be written smtp://HOST:PORT or smtps://HOST:PORT");
  url.remove_prefix(url.find("//") + 2);
  auto at = net::Endpoint::parse(url);
  if (!at || at->port == 0) return wrong(section, "smtp", "must be written smtp://HOST:PORT or smtps://HOST:PORT");
  return std::pair{std::move(*at), whole ? MailSecurity::tls : MailSecurity::starttls};
}

base::Result<MailSettings> read_mail(base::ConfigSection& section, const fs::path& folder, const std::string& url,
                                     bool danger_plain) {
  BASE_TRY(auto server, parse_server(section, url));
  BASE_TRY(const std::string from_text, section.text("from"));
  BASE_TRY(auto from, read_address(section, "from", from_text));
  MailSettings mail{server.first, server.second, std::move(from), {}, {}, {}};
  BASE_TRY(mail.user, section.text_or("user", ""));
  BASE_TRY(mail.password_file, base::read_path(section, "password_file", folder));
  BASE_TRY(mail.ca_file, base::read_path(section, "ca_file", folder));
  if (mail.user.empty() != mail.password_file.empty())
    return wrong(section, "user", "and 'password_file' belong together: give both or neither");
  const bool printable = std::ranges::all_of(mail.user, [](char c) { return c > 0x20 && c < 0x7f; });
  if (mail.user.size() > kUserLimit || !printable)
    return wrong(section, "user", "has at most 256 characters, printable ASCII without spaces");
  if (danger_plain && (!mail.ca_file.empty() || mail.security == MailSecurity::tls))
    return wrong(section, "danger_plain_smtp", "contradicts 'ca_file' and smtps://: take one of them away");
  if (danger_plain ||
      (http::is_loopback(mail.server) && mail.ca_file.empty() && mail.security == MailSecurity::starttls))
    mail.security = MailSecurity::none;
  return mail;
}

}  // namespace

std::vector<Threshold> NoticeSettings::default_thresholds() {
  std::vector<Threshold> thresholds{0};
  for (const Threshold days : {60, 30, 14, 7, 1}) {
    thresholds.push_back(-days * kDaySeconds);
    thresholds.push_back(days * kDaySeconds);
  }
  std::ranges::sort(thresholds);
  return thresholds;
}

base::Result<NoticeSettings> NoticeSettings::read(base::ConfigSection& authority, const fs::path& folder) {
  BASE_TRY(auto section, authority.section("notices"));
  NoticeSettings settings;
  BASE_TRY(settings.thresholds, read_thresholds(section));
  BASE_TRY(settings.danger_plain_smtp, section.flag_or("danger_plain_smtp", false));
  BASE_TRY(const std::string smtp, section.text_or("smtp", ""));
  if (!smtp.empty()) {
    BASE_TRY(settings.mail, read_mail(section, folder, smtp, settings.danger_plain_smtp));
  } else {
    for (const char* key : {"from", "user", "password_file", "ca_file", "operators"})
      if (section.has(key)) return wrong(section, key, "has no effect without 'smtp': set that, too");
  }
  BASE_TRY(const auto operators, section.texts("operators"));
  if (operators.size() > kOperatorLimit) return wrong(section, "operators", "has more than 20 addresses");
  for (const std::string& text : operators) {
    BASE_TRY(auto address, read_address(section, "operators", text));
    settings.operators.push_back(std::move(address));
  }
  BASE_TRY(settings.webhooks.ca_file, base::read_path(section, "webhook_ca_file", folder));
  BASE_TRY(const bool anywhere, section.flag_or("danger_private_webhooks", false));
  if (anywhere) settings.webhooks.addresses.reach = courier::Reach::anywhere;
  BASE_TRY(settings.webhooks.addresses.deny, net::read_networks(section, "webhook_deny"));
  return settings;
}

base::Result<courier::MailServer> NoticeSettings::open(const MailSettings& mail) {
  courier::MailServer server{mail.server, mail.security, mail.user, {}, mail.ca_file};
  if (mail.password_file.empty()) return server;
  BASE_TRY(const base::Secret content, base::read_secret_file(mail.password_file));
  std::string_view password = content.reveal_text();
  password = password.substr(0, password.find_first_of("\r\n"));
  if (password.empty() || password.find('\0') != password.npos)
    return base::fail(Kind::invalid, "config.value", "'" + mail.password_file.string() + "' holds no password");
  server.password = base::Secret(password);
  return server;
}

}  // namespace countersign::authority
