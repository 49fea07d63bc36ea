#include "courier/smtp.h"

#include "courier/transfer.h"

namespace countersign::courier {
namespace {

/// RFC 5321 section 4.2.3: the mailbox does not exist, is elsewhere, or its name is not allowed.
bool is_final(long status) { return status == 550 || status == 551 || status == 553; }

/// Was it the recipient that was refused, and not the sender or the whole mail? Only libcurl's words say so; where they
/// change, the mail is tried again a few times for nothing.
bool of_recipient(const base::Error& error) { return error.detail.find("RCPT failed") != std::string::npos; }

long tls_of(MailSecurity security) {
  return security == MailSecurity::starttls ? static_cast<long>(CURLUSESSL_ALL) : static_cast<long>(CURLUSESSL_NONE);
}

}  // namespace

base::Result<void> send(const MailServer& server, const Mail& mail, const Stop& stop) {
  BASE_TRY(std::string message, to_message(mail));
  const bool whole = server.security == MailSecurity::tls;
  BASE_TRY(const auto transfer, Transfer::make({.protocols = whole ? "smtps" : "smtp",
                                                .addresses = {.reach = Reach::anywhere},
                                                .ca_file = server.ca_file,
                                                .deadline = kMailTime,
                                                .stop = stop}));
  // The path is the name for EHLO.
  const std::string url =
      (whole ? "smtps://" : "smtp://") + server.at.to_string() + "/" + std::string(mail.from.domain());
  transfer->set(CURLOPT_URL, url.c_str());
  transfer->set(CURLOPT_USE_SSL, tls_of(server.security));
  if (!server.user.empty()) {
    const std::string password(server.password.reveal_text());
    transfer->set(CURLOPT_USERNAME, server.user.c_str());
    transfer->set(CURLOPT_PASSWORD, password.c_str());
  }
  transfer->set(CURLOPT_MAIL_FROM, ("<" + mail.from.text() + ">").c_str());
  transfer->add("<" + mail.to.text() + ">");
  transfer->set(CURLOPT_MAIL_RCPT, transfer->list());
  transfer->upload(std::move(message));
  auto done = transfer->perform();
  if (done) return {};
  if (is_final(transfer->status()) && of_recipient(done.error()))
    return base::unexpected(
        base::Error{base::Kind::denied, "mail.refused", "the mail server takes no mail to this address", nullptr});
  return base::unexpected(std::move(done).error().under("mail.failed", "the mail could not be handed over"));
}

}  // namespace countersign::courier
