// NoticeDesk: has notices planned, and sends them: mail and webhooks each on a thread of their own, so that a slow
// receiver holds up neither the registry, nor a listener, nor the other channel. One letter a channel is under way; the
// rest waits in the registry.
#pragma once

#include "authority/authority.h"
#include "authority/ehi/outages.h"
#include "authority/notices/announcements.h"
#include "net/loop.h"

namespace countersign::authority {

/// How often it is looked for certificates whose threshold has passed, and for letters to send.
inline constexpr base::Duration kPlanEvery = std::chrono::seconds(10);
inline constexpr base::Duration kSendEvery = std::chrono::seconds(2);

class NoticeDesk {
 public:
  /// Borrowed; `registry` is the worker that everything of the authority's runs on.
  struct Parts {
    Authority& authority;
    net::Loop& loop;
    net::Worker& registry;
    const base::Log& log;
  };
  /// Logs every weakening. Fails: as NoticeSettings::open.
  static base::Result<std::unique_ptr<NoticeDesk>> make(const NoticeSettings& settings, const Parts& parts);
  /// Waits for what is under way, which ends within a second or so. Dies before the loop.
  ~NoticeDesk();

  void start();

 private:
  NoticeDesk(const Parts& parts, std::optional<MailSettings> mail, courier::MailServer server,
             courier::WebhookRules webhooks);
  net::Task<void> plan_again_and_again();
  net::Task<bool> plan_some();
  net::Task<void> announce();
  net::Task<void> tell_outages();
  net::Task<void> send_again_and_again(Channel channel);
  net::Task<bool> send_one(Channel channel);
  base::Result<void> deliver(const store::LetterRow& letter) const;
  base::Result<void> deliver_mail(const store::LetterRow& letter) const;
  base::Result<void> deliver_webhook(const store::LetterRow& letter) const;
  void report(const base::Error& error) const;

  Parts parts_;
  std::optional<MailSettings> mail_;
  Announcements announcements_;  ///< on the registry's thread
  Outages outages_;              ///< likewise
  courier::MailServer server_;
  courier::WebhookRules webhooks_;
  courier::Stop stop_{false};
  net::Worker mail_worker_;
  net::Worker webhook_worker_;
};

}  // namespace countersign::authority
