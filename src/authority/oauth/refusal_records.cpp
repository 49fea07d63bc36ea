#include "authority/oauth/refusal_records.h"

#include "base/bytes.h"

namespace countersign::authority {
namespace {

constexpr std::size_t kAccountsLimit = 10'000;
constexpr std::size_t kShownPath = 200;

}  // namespace

std::string shown_path(const oauth::RelayedCall& call) { return call.path.substr(0, kShownPath); }

std::optional<AuditEntry> RefusalRecords::entry(const oauth::RelayedCall& call, const oauth::Refusal& refusal,
                                                base::Instant now) {
  // What failed with us was no decision.
  if (!call.peer || refusal.reason == oauth::Reason::unavailable) return std::nullopt;
  const std::string urn = call.peer->identity.to_urn();
  if (accounts_.size() >= kAccountsLimit && !accounts_.contains(urn)) accounts_.clear();
  Account& account = accounts_.try_emplace(urn, Account{now}).first->second;
  if (now >= account.since + kRefusalsSpan || now < account.since) account = {now, 0, account.left_out};
  if (account.recorded >= kRefusalsAudited) {
    ++account.left_out;
    return std::nullopt;
  }
  ++account.recorded;
  AuditEntry entry{{urn},
                   "oauth.refused",
                   urn,
                   {{"code", oauth::explanation(refusal.reason).code},
                    {"detail", refusal.detail},
                    {"path", shown_path(call)},
                    {"certificate", base::to_hex(call.peer->fingerprint)},
                    {"address", call.address}}};
  if (account.left_out > 0) entry.detail["left_out"] = std::exchange(account.left_out, 0);
  return entry;
}

}  // namespace countersign::authority
