#include "authority/doors/notice_desk.h"

namespace countersign::authority {

base::Result<std::unique_ptr<NoticeDesk>> NoticeDesk::make(const NoticeSettings& settings, const Parts& parts) {
  courier::MailServer server;
  if (settings.mail) {
    BASE_TRY(server, NoticeSettings::open(*settings.mail));
  }
  if (settings.danger_plain_smtp)
    parts.log.warning("danger.plain_smtp", {{"meaning", "mail and its password cross the network in clear"}});
  if (settings.webhooks.addresses.reach == courier::Reach::anywhere)
    parts.log.warning("danger.private_webhooks",
                      {{"meaning", "partners' webhooks may lead to this machine and into its network"}});
  return std::unique_ptr<NoticeDesk>(new NoticeDesk(parts, settings.mail, std::move(server), settings.webhooks));
}

NoticeDesk::NoticeDesk(const Parts& parts, std::optional<MailSettings> mail, courier::MailServer server,
                       courier::WebhookRules webhooks)
    : parts_(parts),
      mail_(std::move(mail)),
      announcements_({parts.authority.ledger(), parts.authority.contacts(), parts.authority.random(), parts.log,
                      mail_.has_value()}),
      outages_({parts.authority.ledger(), parts.authority.random(), parts.log, mail_.has_value()}),
      server_(std::move(server)),
      webhooks_(std::move(webhooks)) {}

NoticeDesk::~NoticeDesk() { stop_ = true; }

void NoticeDesk::start() {
  net::spawn(parts_.loop, plan_again_and_again(), "notices.plan", parts_.log);
  if (mail_) net::spawn(parts_.loop, send_again_and_again(Channel::mail), "notices.mail", parts_.log);
  net::spawn(parts_.loop, send_again_and_again(Channel::webhook), "notices.webhook", parts_.log);
}

void NoticeDesk::report(const base::Error& error) const {
  parts_.log.error("notices.failed", {{"error", base::to_string(error)}});
}

net::Task<void> NoticeDesk::plan_again_and_again() {
  while (!stop_) {
    bool more = true;
    while (more && !stop_)
      more = co_await plan_some();
    co_await announce();
    co_await tell_outages();
    const net::Deadline next = net::Deadline::after(kPlanEvery);
    co_await net::sleep_until(next);
  }
}

/// One step, and everybody else of the registry's thread has a turn. False when the run is over.
net::Task<bool> NoticeDesk::plan_some() {
  base::Result<Notices::Progress> progress = Notices::Progress{};
  std::function<void()> job = [&] { progress = parts_.authority.notices().advance(); };
  co_await parts_.registry.run(parts_.loop, std::move(job));
  if (!progress) report(progress.error());
  co_return progress && !progress->is_done;
}

net::Task<void> NoticeDesk::announce() {
  base::Result<std::size_t> announced = std::size_t{0};
  std::function<void()> job = [&] { announced = announcements_.write(); };
  co_await parts_.registry.run(parts_.loop, std::move(job));
  if (!announced) report(announced.error());
}

net::Task<void> NoticeDesk::tell_outages() {
  base::Result<std::size_t> told = std::size_t{0};
  std::function<void()> job = [&] { told = outages_.write(); };
  co_await parts_.registry.run(parts_.loop, std::move(job));
  if (!told) report(told.error());
}

net::Task<void> NoticeDesk::send_again_and_again(Channel channel) {
  while (!stop_) {
    bool sent = true;
    while (sent && !stop_)
      sent = co_await send_one(channel);
    const net::Deadline next = net::Deadline::after(kSendEvery);
    co_await net::sleep_until(next);
  }
}

/// False when there is nothing to send now.
net::Task<bool> NoticeDesk::send_one(Channel channel) {
  base::Result<std::optional<store::LetterRow>> claimed = std::nullopt;
  std::function<void()> claim = [&] { claimed = parts_.authority.notices().claim(channel); };
  co_await parts_.registry.run(parts_.loop, std::move(claim));
  if (!claimed) report(claimed.error());
  if (!claimed || !*claimed) co_return false;
  const store::LetterRow letter = std::move(**claimed);

  base::Result<void> outcome;
  std::function<void()> send = [&] { outcome = deliver(letter); };
  net::Worker& worker = channel == Channel::mail ? mail_worker_ : webhook_worker_;
  co_await worker.run(parts_.loop, std::move(send));

  base::Result<void> settled;
  std::function<void()> settle = [&] { settled = parts_.authority.notices().settle(letter, outcome); };
  co_await parts_.registry.run(parts_.loop, std::move(settle));
  if (!settled) report(settled.error());
  co_return settled.has_value();
}

base::Result<void> NoticeDesk::deliver(const store::LetterRow& letter) const {
  return letter.channel == name(Channel::mail) ? deliver_mail(letter) : deliver_webhook(letter);
}

base::Result<void> NoticeDesk::deliver_mail(const store::LetterRow& letter) const {
  BASE_TRY(auto to, courier::MailAddress::parse(letter.recipient));
  const courier::Mail mail{mail_->from, std::move(to), letter.subject,
                           letter.body, letter.id,     parts_.authority.clock().now()};
  return courier::send(server_, mail, stop_);
}

base::Result<void> NoticeDesk::deliver_webhook(const store::LetterRow& letter) const {
  BASE_TRY(auto to, courier::WebhookUrl::parse(letter.recipient));
  store::ContactRow contact;
  contact.id = letter.contact.value_or("");
  contact.address = letter.recipient;
  const base::Secret secret = parts_.authority.contacts().secret_of(contact);
  const courier::Webhook webhook{std::move(to), letter.id, letter.body, secret, parts_.authority.clock().now()};
  return courier::post(webhooks_, webhook, stop_);
}

}  // namespace countersign::authority
