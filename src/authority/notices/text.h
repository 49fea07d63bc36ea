// What notices say: plain English, what ends, when, and what to do. Nothing secret.
#pragma once

#include <span>

#include "authority/notices/plan.h"
#include "base/json.h"

namespace countersign::authority {

/// Is it a CRL or a responder's certificate of the authority?
bool is_own_material(const Expiring& about);

struct LetterText {
  std::string subject;
  std::string body;
};

/// A mail about one certificate to its owner.
LetterText to_mail(const Notice& notice, base::Instant now);
/// One mail about all of them to the operators.
LetterText to_digest(std::span<const Notice> notices, base::Instant now);
/// The body of a webhook about one certificate.
std::string to_webhook(const Notice& notice, const std::string& id, base::Instant now);

}  // namespace countersign::authority
