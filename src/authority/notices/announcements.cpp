#include "authority/notices/announcements.h"

#include <algorithm>

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

}  // namespace

base::Result<std::size_t> Announcements::write() {
  std::vector<std::pair<IssuingCaRow, std::vector<std::string>>> due;
  {
    BASE_TRY(auto rows, parts_.ledger.read());
    BASE_TRY(const auto cas, store::list_issuing_cas(rows));
    for (const IssuingCaRow& ca : cas) {
      if (!is_announced(ca)) continue;
      BASE_TRY(auto organisations, store::list_unannounced(rows, ca.name, kAnnouncedAtOnce));
      if (!organisations.empty()) due.emplace_back(ca, std::move(organisations));
    }
  }
  std::size_t told = 0;
  for (const auto& [ca, organisations] : due) {
    BASE_TRY_VOID(write(ca, organisations));
    told += organisations.size();
  }
  return told;
}

base::Result<void> Announcements::write(const IssuingCaRow& ca, const std::vector<std::string>& organisations) {
  BASE_TRY(auto amendment, parts_.ledger.amend());
  BASE_TRY(const auto state, store::find_issuing_ca_state(amendment.rows(), ca.name));
  if (state != ca.state) return {};  // activated or taken back meanwhile
  for (const std::string& organisation : organisations) {
    const store::CaAnnouncementRow row{ca.name, organisation, parts_.ledger.now()};
    BASE_TRY_VOID(store::insert(amendment.rows(), row));
    BASE_TRY_VOID(write_letters(amendment, ca, organisation));
  }
  base::json::object detail{{"organisations", base::to_json_array(organisations)}};
  BASE_TRY_VOID(amendment.audit({the_authority(), "issuing_ca.announced", ca.name, std::move(detail)}));
  BASE_TRY_VOID(amendment.commit());
  parts_.log.info("issuing_ca.announced", {{"ca", ca.name}, {"organisations", organisations.size()}});
  return {};
}

base::Result<void> Announcements::write_letters(Amendment& amendment, const IssuingCaRow& ca,
                                                const std::string& organisation) {
  BASE_TRY(const auto certificate, to_certificate(ca.der));
  const Writing writing{
      .organisation = organisation,
      .environment = ca.environment,
      .mail = {"The provider calls your servers with certificates of another CA " + day_of(ca),
               mail_body(ca, certificate)},
      .webhook = [&](const store::LetterRow& letter) { return webhook_body(ca, certificate, letter); }};
  const LetterParts parts{parts_.random, parts_.ledger.now(), parts_.has_mail};
  BASE_TRY_VOID(authority::write_letters(amendment, parts, writing));
  return {};
}

}  // namespace countersign::authority
