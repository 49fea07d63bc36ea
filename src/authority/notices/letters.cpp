#include "authority/notices/letters.h"

#include "authority/notices/notices.h"
#include "authority/registry/row_id.h"

namespace countersign::authority {

base::Result<store::LetterRow> make_letter(const LetterParts& parts, const store::ContactRow& contact,
                                           const Wording& wording) {
  const bool is_mail = contact.kind == "email";
  store::LetterRow letter;
  BASE_TRY(letter.id, make_id(parts.random));
  letter.channel = name(is_mail ? Channel::mail : Channel::webhook);
  letter.contact = contact.id;
  letter.recipient = contact.address;
  letter.created_at = letter.next_attempt_at = parts.now;
  if (is_mail) {
    letter.subject = wording.mail.subject;
    letter.body = wording.mail.body;
  } else {
    letter.body = wording.webhook(letter);
  }
  return letter;
}

base::Result<std::size_t> write_letters(Amendment& amendment, const LetterParts& parts, const Writing& writing) {
  BASE_TRY(const auto contacts, store::list_contacts(amendment.rows(), writing.organisation));
  std::size_t written = 0;
  for (const store::ContactRow& contact : contacts) {
    const bool concerns = !contact.environment || *contact.environment == writing.environment;
    if (!concerns || (contact.kind == "email" && !parts.has_mail)) continue;
    BASE_TRY(auto letter, make_letter(parts, contact, writing.wording));
    letter.trouble_of = writing.trouble_of;
    BASE_TRY_VOID(store::insert(amendment.rows(), letter));
    ++written;
  }
  return written;
}

}  // namespace countersign::authority
