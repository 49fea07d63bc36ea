#include "authority/registry/audit.h"

#include <utility>

#include "base/check.h"
#include "crypto/digest.h"
#include "store/settings.h"

namespace countersign::authority {
namespace {

constexpr const char* kHead = "audit_head";
constexpr const char* kAnchor = "audit_anchor";
constexpr int kBatch = 1000;

/// Every field of a row, length first, so that no two rows have the same form.
std::string canonical(const store::AuditRow& row) {
  std::string text = "countersign audit 1\n";
  const std::string numbers[] = {std::to_string(row.sequence), std::to_string(row.at.micros)};
  for (const std::string* field :
       {&numbers[0], &numbers[1], &row.actor, &row.action, &row.subject, &row.detail, &row.previous})
    text += std::to_string(field->size()) + ":" + *field + "\n";
  return text;
}

std::string hash_of(const store::AuditRow& row) { return base::to_hex(crypto::sha256(base::as_bytes(canonical(row)))); }

AuditHead head_of(const store::AuditRow& row) {
  return row.sequence == 0 ? AuditHead() : AuditHead{row.sequence, row.hash};
}

tl::unexpected<base::Error> broken(std::int64_t sequence, const char* what) {
  return base::fail(base::Kind::corrupt, "audit.broken",
                    "the audit log was changed from outside: record " + std::to_string(sequence) + " " + what);
}

base::Result<void> check_link(const store::AuditRow& row, const store::AuditRow& before) {
  if (row.sequence != before.sequence + 1) return broken(before.sequence + 1, "is missing");
  if (row.previous != before.hash) return broken(row.sequence, "does not follow the one before it");
  if (row.hash != hash_of(row)) return broken(row.sequence, "was edited");
  return {};
}

/// Is the stored mark that of `last`, under our key?
bool is_end(const AuditSeal& seal, const std::optional<std::string>& mark, const store::AuditRow& last) {
  // A log without any record has no mark, but only as long as no other is known outside.
  if (!mark) return last.sequence == 0 && seal.outside() == AuditHead();
  return seal.open("head", *mark) == head_of(last);
}

/// From `anchor` on: the record that an operator's acknowledgement left, or the beginning.
base::Result<store::AuditRow> walk(store::Transaction& transaction, const std::optional<AuditHead>& anchor) {
  store::AuditRow before;
  bool anchored = !anchor;
  before.sequence = anchor ? anchor->sequence - 1 : 0;
  for (;;) {
    BASE_TRY(const auto rows, store::list_audit(transaction, before.sequence, kBatch));
    if (rows.empty()) return before;
    for (const store::AuditRow& row : rows) {
      if (!std::exchange(anchored, true)) {
        if (head_of(row) != *anchor) return broken(anchor->sequence, "is not the one that was acknowledged");
        before.hash = row.previous;
      }
      BASE_TRY_VOID(check_link(row, before));
      before = row;
    }
  }
}

base::Result<void> check_outside(store::Transaction& transaction, const AuditSeal& seal, const store::AuditRow& last) {
  const auto& outside = seal.outside();
  if (!outside || outside->sequence == 0 || *outside == head_of(last)) return {};
  if (outside->sequence > last.sequence)
    return broken(last.sequence + 1, "is missing: the registry is older than the head outside of it");
  BASE_TRY(const auto rows, store::list_audit(transaction, outside->sequence - 1, 1));
  if (rows.empty() || head_of(rows.front()) != *outside)
    return broken(outside->sequence, "is not the one that the head outside of the registry knows");
  return {};
}

}  // namespace

base::Result<AuditRun> AuditRun::begin(store::Transaction& transaction, const AuditSeal& seal) {
  BASE_TRY(const auto last, store::find_last_audit(transaction));
  BASE_TRY(const auto mark, store::find_setting(transaction, kHead));
  const store::AuditRow end = last.value_or(store::AuditRow());
  const auto known = check_outside(transaction, seal, end);
  if (!known && known.error().code != "audit.broken") return base::unexpected(known.error());
  if (!known || !is_end(seal, mark, end))
    return base::fail(
        base::Kind::unavailable, "audit.broken",
        "the end of the audit log was changed from outside, or the registry is older than the head of the "
        "log beside it: nothing is done until an operator has looked into it (GET "
        "/v1/audit/verification, then POST /v1/audit/acknowledge)");
  return AuditRun(Kind::onwards, end);
}

base::Result<AuditRun> AuditRun::begin_anew(store::Transaction& transaction) {
  BASE_TRY(auto last, store::find_last_audit(transaction));
  return AuditRun(Kind::anew, std::move(last).value_or(store::AuditRow()));
}

void AuditRun::append(const AuditEntry& entry, base::Instant at) {
  const store::AuditRow& last = rows_.empty() ? end_ : rows_.back();
  store::AuditRow row;
  row.sequence = last.sequence + 1;
  row.at = at;
  row.actor = entry.actor.name;
  row.action = entry.action;
  row.subject = entry.subject;
  row.detail = base::json::serialize(entry.detail);
  row.previous = last.hash;
  row.hash = hash_of(row);
  rows_.push_back(std::move(row));
}

AuditHead AuditRun::head() const { return head_of(rows_.empty() ? end_ : rows_.back()); }

base::Result<void> AuditRun::write(store::Transaction& transaction, const AuditSeal& seal) const {
  BASE_CHECK(!rows_.empty());
  BASE_TRY_VOID(store::append(transaction, rows_));
  BASE_TRY_VOID(store::set_setting(transaction, kHead, seal.seal("head", head())));
  if (kind_ == Kind::onwards) return {};
  return store::set_setting(transaction, kAnchor, seal.seal("anchor", head_of(rows_.front())));
}

base::Result<void> hold_against_outside(store::Transaction& transaction, const AuditSeal& seal) {
  BASE_TRY(const auto last, store::find_last_audit(transaction));
  return check_outside(transaction, seal, last.value_or(store::AuditRow()));
}

base::Result<std::int64_t> verify_audit(store::Transaction& transaction, const AuditSeal& seal) {
  BASE_TRY(const auto anchor_text, store::find_setting(transaction, kAnchor));
  std::optional<AuditHead> anchor;
  if (anchor_text) {
    anchor = seal.open("anchor", *anchor_text);
    if (!anchor) return broken(1, "is not where the log begins: the mark of an acknowledgement was changed");
  }
  BASE_TRY(const store::AuditRow last, walk(transaction, anchor));
  BASE_TRY(const auto mark, store::find_setting(transaction, kHead));
  if (!is_end(seal, mark, last)) return broken(last.sequence + 1, "is missing: the log was cut off, or rewritten");
  BASE_TRY_VOID(check_outside(transaction, seal, last));
  return last.sequence;
}

}  // namespace countersign::authority
