#include "authority/notices/announcements.h"

#include <algorithm>
#include <set>

#include "authority/notices/letters.h"
#include "authority/registry/rows.h"
#include "base/json_array.h"
#include "store/ca_announcements.h"

namespace countersign::authority {
namespace {

using store::IssuingCaRow;

/// Distributed, and one by which partners' servers are called: what partners install.
bool is_announced(const IssuingCaRow& ca) {
  return ca.state == name(CaState::distributed) &&
         std::ranges::find(ca.purposes, trust::name(trust::Purpose::ehi)) != ca.purposes.end();
}

std::string day_of(const IssuingCaRow& ca) {
  return ca.use_from ? "from " + base::to_rfc3339(*ca.use_from) + " on" : "at a day that is not fixed yet";
}

std::string mail_body(const IssuingCaRow& ca, const x509::Certificate& certificate) {
  return "The provider's calls to your servers (" + ca.environment +
         ") are made today with certificates of one issuing CA, and will be made with certificates of another " +
         day_of(ca) +
         ".\n\n"
         "  Issuing CA   " +
         certificate.subject().text + "\n" + "  SHA-256      " + base::to_hex(certificate.fingerprint()) + "\n" +
         "  Valid until  " + base::to_rfc3339(certificate.not_after()) +
         "\n\n"
         "Install the trust chain anew before that, so that your servers accept both:\n\n"
         "  countersign trust-chain --out trust-chain.pem\n\n"
         "Compare the fingerprint by another way. Keep the CA of today installed until you are told that it is "
         "retired. "
         "Ask the provider for a check of your server when you are done.\n";
}

std::string webhook_body(const IssuingCaRow& ca, const x509::Certificate& certificate, const store::LetterRow& letter) {
  base::json::object about{{"name", ca.name},
                           {"environment", ca.environment},
                           {"subject", certificate.subject().text},
                           {"fingerprint", base::to_hex(certificate.fingerprint())},
                           {"not_after", base::to_rfc3339(certificate.not_after())}};
  if (ca.use_from) about["use_from"] = base::to_rfc3339(*ca.use_from);
  return base::json::serialize(base::json::object{{"id", letter.id},
                                                  {"type", "trust_chain.announced"},
                                                  {"created", base::to_rfc3339(letter.created_at)},
                                                  {"ca", std::move(about)}});
}

std::set<std::string> organisations_of(const std::vector<store::ContactRow>& contacts) {
  std::set<std::string> organisations;
  for (const store::ContactRow& contact : contacts)
    organisations.insert(contact.organisation);
  return organisations;
}

}  // namespace

bool Announcements::is_quiet(const IssuingCaRow& ca) const {
  const auto found = quiet_.find(ca.name);
  if (found == quiet_.end()) return false;
  const Quiet& quiet = found->second;
  const base::Instant now = parts_.ledger.now();
  return quiet.use_from == ca.use_from && quiet.contacts_added == parts_.contacts.added() && now >= quiet.since &&
         now - quiet.since < kAnnounceAgain;
}

base::Result<std::vector<store::ContactRow>> Announcements::list_untold(store::Transaction& rows,
                                                                        const IssuingCaRow& ca, int limit) const {
  const auto kinds = parts_.has_mail ? store::ContactKinds::all : store::ContactKinds::webhooks;
  return store::list_untold_contacts(rows, {ca.name, ca.environment, kinds, limit});
}

base::Result<std::size_t> Announcements::write() {
  std::vector<IssuingCaRow> due;
  {
    BASE_TRY(auto rows, parts_.ledger.read());
    BASE_TRY(const auto cas, store::list_issuing_cas(rows));
    for (const IssuingCaRow& ca : cas) {
      if (!is_announced(ca) || is_quiet(ca)) continue;
      BASE_TRY(const auto first, list_untold(rows, ca, 1));
      quiet_.erase(ca.name);  // a day may come back that was told before
      if (first.empty()) quiet_[ca.name] = {ca.use_from, parts_.contacts.added(), parts_.ledger.now()};
      else due.push_back(ca);
    }
  }
  std::size_t told = 0;
  for (const IssuingCaRow& ca : due) {
    BASE_TRY(const std::size_t some, tell(ca));
    told += some;
  }
  return told;
}

/// What is due is looked at once more, as another authority may have told it meanwhile.
base::Result<std::size_t> Announcements::tell(const IssuingCaRow& ca) {
  BASE_TRY(const auto certificate, to_certificate(ca.der));
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const auto cas, store::list_issuing_cas(amendment.rows()));
  const auto same = [&](const IssuingCaRow& row) { return row.name == ca.name && row.use_from == ca.use_from; };
  const auto found = std::ranges::find_if(cas, same);
  if (found == cas.end() || found->state != ca.state) return std::size_t{0};  // activated, taken back or moved
  BASE_TRY(const auto contacts, list_untold(amendment.rows(), ca, kAnnouncedAtOnce));
  if (contacts.empty()) return std::size_t{0};
  std::vector<store::LetterRow> letters;
  std::vector<store::CaAnnouncementRow> told;
  const LetterParts parts{parts_.random, parts_.ledger.now(), parts_.has_mail};
  const Wording wording{
      .mail = {"The provider calls your servers with certificates of another CA " + day_of(ca),
               mail_body(ca, certificate)},
      .webhook = [&](const store::LetterRow& letter) { return webhook_body(ca, certificate, letter); }};
  for (const store::ContactRow& contact : contacts) {
    BASE_TRY(auto letter, make_letter(parts, contact, wording));
    letter.ca = ca.name;
    letters.push_back(std::move(letter));
    told.push_back({ca.name, contact.id, parts_.ledger.now()});
  }
  BASE_TRY_VOID(store::insert(amendment.rows(), told));
  BASE_TRY_VOID(store::insert(amendment.rows(), letters));
  const auto organisations = organisations_of(contacts);
  base::json::object detail{
      {"organisations", base::to_json_array(std::vector<std::string>(organisations.begin(), organisations.end()))},
      {"contacts", contacts.size()}};
  BASE_TRY_VOID(amendment.audit({the_authority(), "issuing_ca.announced", ca.name, std::move(detail)}));
  BASE_TRY_VOID(amendment.commit());
  parts_.log.info("issuing_ca.announced", {{"ca", ca.name}, {"contacts", contacts.size()}});
  return contacts.size();
}

}  // namespace countersign::authority
