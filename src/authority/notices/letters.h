// Letters to the contacts of an organisation, written into the outbox of notices.h, which sends them.
#pragma once

#include <functional>

#include "authority/notices/text.h"
#include "authority/registry/ledger.h"
#include "crypto/random.h"
#include "store/contacts.h"
#include "store/notices.h"

namespace countersign::authority {

struct Wording {
  LetterText mail;
  std::function<std::string(const store::LetterRow& letter)> webhook;  ///< its body; id and created_at are set
};

/// Who is written to, and what.
struct Writing {
  std::string organisation;
  std::string environment;                     ///< contacts of an application in another one are not concerned
  std::optional<std::string> trouble_of = {};  ///< store::LetterRow
  Wording wording;
};

struct LetterParts {
  crypto::Random& random;
  base::Instant now;
  bool has_mail;  ///< else no letters of that channel are written
};

/// To one contact; not written into the outbox yet. Fails: `random.unavailable`.
base::Result<store::LetterRow> make_letter(const LetterParts& parts, const store::ContactRow& contact,
                                           const Wording& wording);

/// How many were written. Fails: as store, `random.unavailable`.
base::Result<std::size_t> write_letters(Amendment& amendment, const LetterParts& parts, const Writing& writing);

}  // namespace countersign::authority
