// A mail, and its bytes (RFC 5322, RFC 2045).
#pragma once

#include "base/time.h"
#include "courier/address.h"

namespace countersign::courier {

struct Mail {
  MailAddress from;
  MailAddress to;
  std::string subject;
  std::string text;  ///< lines end with \n
  std::string id;    ///< letters and digits; the same again when it is sent again
  base::Instant date;
};

/// Lines end with CRLF, none is longer than 998 bytes. The Message-ID is made of `id` and the sender's domain. Fails:
/// `mail.header` when the subject holds a control character or one that is not ASCII, or is too long.
base::Result<std::string> to_message(const Mail& mail);

}  // namespace countersign::courier
