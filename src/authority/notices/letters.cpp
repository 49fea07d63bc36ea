#include "authority/notices/letters.h"

#include "authority/notices/contacts.h"
#include "authority/notices/notices.h"

namespace countersign::authority {

base::Result<std::size_t> write_letters(Amendment& amendment, const LetterParts& parts, const Writing& writing) {
  BASE_TRY(const auto contacts, store::list_contacts(amendment.rows(), writing.organisation));
  std::size_t written = 0;
  for (const store::ContactRow& contact : contacts) {
    const bool is_mail = contact.kind == "email";
    const bool concerns = !contact.environment || *contact.environment == writing.environment;
    if (!concerns || (is_mail && !parts.has_mail)) continue;
    store::LetterRow letter;
    BASE_TRY(letter.id, make_id(parts.random));
    letter.channel = name(is_mail ? Channel::mail : Channel::webhook);
    letter.contact = contact.id;
    letter.recipient = contact.address;
    letter.created_at = letter.next_attempt_at = parts.now;
    if (is_mail) {
      letter.subject = writing.mail.subject;
      letter.body = writing.mail.body;
    } else {
      letter.body = writing.webhook(letter);
    }
    BASE_TRY_VOID(store::insert(amendment.rows(), letter));
    ++written;
  }
  return written;
}

}  // namespace countersign::authority
