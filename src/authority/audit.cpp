#include "authority/audit.h"

#include "crypto/digest.h"
#include "store/settings.h"

namespace countersign::authority {
namespace {

constexpr const char* kHead = "audit_head";
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

std::string head_of(const store::AuditRow& row) { return std::to_string(row.sequence) + " " + row.hash; }

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

}  // namespace

base::Result<void> append_audit(store::Transaction& transaction, const AuditEntry& entry, base::Instant at) {
  BASE_TRY(const auto last, store::find_last_audit(transaction));
  store::AuditRow row;
  row.sequence = last ? last->sequence + 1 : 1;
  row.at = at;
  row.actor = entry.actor.name;
  row.action = entry.action;
  row.subject = entry.subject;
  row.detail = base::json::serialize(entry.detail);
  row.previous = last ? last->hash : "";
  row.hash = hash_of(row);
  BASE_TRY_VOID(store::append(transaction, row));
  return store::set_setting(transaction, kHead, head_of(row));
}

base::Result<std::int64_t> verify_audit(store::Transaction& transaction) {
  store::AuditRow before;
  for (;;) {
    BASE_TRY(const auto rows, store::list_audit(transaction, before.sequence, kBatch));
    if (rows.empty()) break;
    for (const store::AuditRow& row : rows) {
      BASE_TRY_VOID(check_link(row, before));
      before = row;
    }
  }
  BASE_TRY(const auto head, store::find_setting(transaction, kHead));
  if (head.value_or(head_of({})) != head_of(before))
    return broken(before.sequence + 1, "is missing: the log was cut off");
  return before.sequence;
}

}  // namespace countersign::authority
