#include "authority/notices/text.h"

namespace countersign::authority {
namespace {

bool has_ended(const Notice& notice, base::Instant now) { return notice.about.ends <= now; }

/// "transport certificate of production/acme/payments"; all of these are slugs and words of ours.
std::string name_of(const Expiring& about) {
  if (is_own_material(about))
    return about.purpose + (about.purpose == "CRL" ? " of '" : " for '") + about.subject + "'";
  if (!about.of) return "certificate of the " + about.subject;
  return about.purpose + " certificate of " + about.of->environment + "/" + about.of->organisation + "/" +
         about.of->application;
}

std::string verb(const Notice& notice, base::Instant now) { return has_ended(notice, now) ? "ended" : "ends"; }

std::string remedy(const Notice& notice, base::Instant now) {
  if (has_ended(notice, now))
    return "It is not accepted any more, and cannot renew itself. Ask the provider for a new enrolment code, then "
           "run:\n\n"
           "  countersign request " +
           notice.about.purpose + " --code CODE\n\nIf nobody needs it any more, there is nothing to do.\n";
  if (notice.about.purpose == trust::name(trust::Purpose::transport) ||
      notice.about.purpose == trust::name(trust::Purpose::signing))
    return "Renew it where its files are:\n\n  countersign renew " + notice.about.purpose +
           "\n\nand let your application use the new certificate. You are told again as long as that has not "
           "happened.\n";
  return "Look why the program that holds it has not renewed it.\n";
}

std::string line_of(const Notice& notice, base::Instant now) {
  return base::to_rfc3339(notice.about.ends) + "  " + to_words(notice.about.ends - now) + "  " + name_of(notice.about) +
         "  " + notice.about.serial + "\n";
}

}  // namespace

bool is_own_material(const Expiring& about) {
  return about.purpose == name(OwnMaterial::Kind::crl) || about.purpose == name(OwnMaterial::Kind::ocsp_responder);
}

LetterText to_mail(const Notice& notice, base::Instant now) {
  const Expiring& about = notice.about;
  const std::string when = verb(notice, now) + " " + to_words(about.ends - now);
  return {"The " + name_of(about) + " " + when, "The " + name_of(about) + " " + when + ".\n\n" + "  Application  " +
                                                    about.subject + "\n" + "  Purpose      " + about.purpose + "\n" +
                                                    "  Serial       " + about.serial + "\n" + "  Ends         " +
                                                    base::to_rfc3339(about.ends) + "\n\n" + remedy(notice, now)};
}

LetterText to_digest(std::span<const Notice> notices, base::Instant now) {
  std::string body = "These certificates end soon or have ended, and no successor of theirs is in use:\n\n";
  bool has_ca = false;
  bool has_material = false;
  for (const Notice& notice : notices) {
    body += line_of(notice, now);
    has_material = has_material || is_own_material(notice.about);
    has_ca = has_ca || (!notice.about.of && !is_own_material(notice.about));
  }
  body += "\nContacts of the organisations concerned were told. What nobody needs any more can be left alone.\n";
  if (has_ca)
    body +=
        "A root or an issuing CA is among them: nothing that it signed is good beyond its end. Plan its successor "
        "now.\n";
  if (has_material)
    body +=
        "A CRL or an OCSP responder of the authority is among them: beyond its end, whoever checks the status of "
        "certificates refuses them. The CRL of a root is made at a ceremony: hold one, and bring what it made with "
        "countersign admin ca import-crl. All others the authority makes anew by itself: look into its log why it has "
        "not.\n";
  const std::string count = std::to_string(notices.size());
  return {notices.size() == 1 ? "1 certificate needs a look" : count + " certificates need a look", std::move(body)};
}

std::string to_webhook(const Notice& notice, const std::string& id, base::Instant now) {
  const Expiring& about = notice.about;
  base::json::object certificate{{"serial", about.serial},
                                 {"urn", about.subject},
                                 {"purpose", about.purpose},
                                 {"not_after", base::to_rfc3339(about.ends)}};
  return base::json::serialize(
      base::json::object{{"id", id},
                         {"type", has_ended(notice, now) ? "certificate.ended" : "certificate.ending"},
                         {"created", base::to_rfc3339(now)},
                         {"threshold_seconds", notice.threshold},
                         {"certificate", std::move(certificate)}});
}

}  // namespace countersign::authority
