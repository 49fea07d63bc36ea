// NoticeSettings: [authority.notices] of countersign.toml, checked: when notices are due, and how they are sent.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/config.h"
#include "courier/smtp.h"
#include "courier/webhook.h"

namespace countersign::authority {

/// When a notice is due: seconds from the end of a certificate, negative before it.
using Threshold = std::int64_t;
inline constexpr std::size_t kThresholdLimit = 20;
inline constexpr base::Duration kFarthestThreshold = std::chrono::hours(24 * 365);

struct MailSettings {
  net::Endpoint server;
  courier::MailSecurity security;
  courier::MailAddress from;
  std::string user;
  std::filesystem::path password_file;  ///< empty: none
  std::filesystem::path ca_file;        ///< empty: the system's
};

struct NoticeSettings {
  std::vector<Threshold> thresholds = default_thresholds();  ///< ascending, each once
  std::optional<MailSettings> mail;                          ///< absent: none is sent
  std::vector<courier::MailAddress> operators;
  courier::WebhookRules webhooks;
  bool danger_plain_smtp = false;  ///< mail, and the password, in clear over a network

  /// 60, 30, 14, 7 and 1 days before and after the end, and the end itself.
  static std::vector<Threshold> default_thresholds();
  /// Reads [notices] out of `authority`; relative paths start from `folder`. Fails: `config.*`.
  static base::Result<NoticeSettings> read(base::ConfigSection& authority, const std::filesystem::path& folder);
  /// With the password read. Fails: as base::read_secret_file, `config.value` when the file is empty.
  static base::Result<courier::MailServer> open(const MailSettings& mail);
};

}  // namespace countersign::authority
