#include "store/requests.h"

#include "store/sql.h"
#include "store/where.h"

STORE_ROW(RequestRow);
STORE_ROW(ApprovalRow);

void soci::type_conversion<countersign::store::RequestRow>::from_base(const soci::values& from, soci::indicator,
                                                                      countersign::store::RequestRow& row) {
  using namespace countersign::store;
  row.id = text(from, "id");
  row.key = application_key(from);
  row.purpose = text(from, "purpose");
  row.spki_sha256 = text(from, "spki_sha256");
  row.content = text(from, "content");
  row.content_sha256 = text(from, "content_sha256");
  row.requested_by = text(from, "requested_by");
  row.sponsor = maybe_text(from, "sponsor");
  row.needed = whole(from, "needed");
  row.state = text(from, "state");
  row.created_at = instant(from, "created_at");
  row.expires_at = instant(from, "expires_at");
  row.decided_at = maybe_instant(from, "decided_at");
  row.refusal = maybe_text(from, "refusal");
  row.serial = maybe_text(from, "serial");
}

void soci::type_conversion<countersign::store::RequestRow>::to_base(const countersign::store::RequestRow& row,
                                                                    soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, row.key);
  put(to, "purpose", row.purpose);
  put(to, "spki_sha256", row.spki_sha256);
  put(to, "content", row.content);
  put(to, "content_sha256", row.content_sha256);
  put(to, "requested_by", row.requested_by);
  put(to, "sponsor", row.sponsor);
  put_whole(to, "needed", row.needed);
  put(to, "state", row.state);
  put(to, "created_at", row.created_at);
  put(to, "expires_at", row.expires_at);
  put(to, "decided_at", row.decided_at);
  put(to, "refusal", row.refusal);
  put(to, "serial", row.serial);
  indicator = soci::i_ok;
}

void soci::type_conversion<countersign::store::ApprovalRow>::from_base(const soci::values& from, soci::indicator,
                                                                       countersign::store::ApprovalRow& row) {
  using namespace countersign::store;
  row = {text(from, "request"), text(from, "approver"), text(from, "content_sha256"), text(from, "comment"),
         instant(from, "at")};
}

void soci::type_conversion<countersign::store::ApprovalRow>::to_base(const countersign::store::ApprovalRow& row,
                                                                     soci::values& to, soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "request", row.request);
  put(to, "approver", row.approver);
  put(to, "content_sha256", row.content_sha256);
  put(to, "comment", row.comment);
  put(to, "at", row.at);
  indicator = soci::i_ok;
}

namespace countersign::store {
namespace {

/// Runs an UPDATE with the columns of `row`; true when it changed one.
base::Result<bool> update(Transaction& transaction, const char* doing, const char* statement, const RequestRow& row) {
  return run(transaction, doing, [&](soci::session& sql) {
    soci::statement change = (sql.prepare << statement, soci::use(row));
    change.execute(true);
    return change.get_affected_rows() == 1;
  });
}

}  // namespace

base::Result<void> insert(Transaction& transaction, const RequestRow& row) {
  return run(transaction, "store a request", [&](soci::session& sql) {
    sql << "INSERT INTO requests (id, environment, organisation, application, purpose, spki_sha256, content,"
           " content_sha256, requested_by, sponsor, needed, state, created_at, expires_at, decided_at, refusal, serial)"
           " VALUES (:id, :environment, :organisation, :application, :purpose, :spki_sha256, :content,"
           " :content_sha256, :requested_by, :sponsor, :needed, :state, :created_at, :expires_at, :decided_at, "
           ":refusal,"
           " :serial)",
        soci::use(row);
  });
}

base::Result<std::optional<RequestRow>> find_request(Transaction& transaction, const std::string& id) {
  return run(transaction, "find a request", [&](soci::session& sql) {
    return first<RequestRow>((sql.prepare << "SELECT * FROM requests WHERE id = :id", soci::use(id, "id")));
  });
}

base::Result<std::optional<RequestRow>> find_newest_request(Transaction& transaction, const ApplicationKey& key,
                                                            const std::string& purpose,
                                                            const std::string& spki_sha256) {
  return run(transaction, "find a request", [&](soci::session& sql) {
    return first<RequestRow>(
        (sql.prepare << "SELECT * FROM requests WHERE spki_sha256 = :spki_sha256 AND environment = :environment"
                        " AND organisation = :organisation AND application = :application AND purpose = :purpose"
                        " ORDER BY created_at DESC, id LIMIT 1",
         soci::use(spki_sha256, "spki_sha256"), soci::use(key.environment, "environment"),
         soci::use(key.organisation, "organisation"), soci::use(key.application, "application"),
         soci::use(purpose, "purpose")));
  });
}

base::Result<std::vector<RequestRow>> list_requests(Transaction& transaction, const RequestFilter& filter) {
  return run(transaction, "list requests", [&](soci::session& sql) {
    const bool organisation = !filter.of.organisation.empty();
    Where where;
    where.add_if("(environment || '') = ", filter.of.environment);
    where.add_if("organisation = ", filter.of.organisation);
    where.add_if("(application || '') = ", filter.of.application);
    where.add_if(organisation ? "(state || '') = " : "state = ", filter.state);
    if (filter.state == "pending" || filter.state == "approved")
      where.add("expires_at > " + where.hold(filter.now.micros));
    soci::details::prepare_temp_type query = sql.prepare << "SELECT * FROM requests" + where.text() +
                                                                " ORDER BY created_at DESC, id LIMIT " +
                                                                std::to_string(filter.limit);
    where.bind(query);
    return collect<RequestRow>(query);
  });
}

base::Result<bool> renew_request(Transaction& transaction, const RequestRow& row) {
  return update(transaction, "renew a request",
                "UPDATE requests SET content = :content, content_sha256 = :content_sha256, needed = :needed,"
                " state = 'pending', decided_at = NULL, serial = NULL"
                " WHERE id = :id AND state IN ('pending', 'approved')",
                row);
}

base::Result<bool> decide_request(Transaction& transaction, const RequestRow& row) {
  return update(transaction, "decide a request",
                "UPDATE requests SET state = :state, decided_at = :decided_at, refusal = :refusal"
                " WHERE id = :id AND state = 'pending'",
                row);
}

base::Result<bool> claim_request(Transaction& transaction, const RequestClaim& claim) {
  return run(transaction, "claim a request", [&](soci::session& sql) {
    soci::statement change =
        (sql.prepare << "UPDATE requests SET serial = :serial"
                        " WHERE id = :id AND state = 'approved' AND content_sha256 = :content_sha256",
         soci::use(claim.serial, "serial"), soci::use(claim.id, "id"),
         soci::use(claim.content_sha256, "content_sha256"));
    change.execute(true);
    return change.get_affected_rows() == 1;
  });
}

base::Result<bool> spend_request(Transaction& transaction, const std::string& id, const std::string& serial) {
  return run(transaction, "spend a request", [&](soci::session& sql) {
    soci::statement change = (sql.prepare << "UPDATE requests SET state = 'issued'"
                                             " WHERE id = :id AND state = 'approved' AND serial = :serial",
                              soci::use(id, "id"), soci::use(serial, "serial"));
    change.execute(true);
    return change.get_affected_rows() == 1;
  });
}

base::Result<bool> put(Transaction& transaction, const ApprovalRow& row) {
  return run(transaction, "store an approval", [&](soci::session& sql) {
    int same = 0;
    sql << "SELECT COUNT(*) FROM approvals WHERE request = :request AND approver = :approver"
           " AND content_sha256 = :content_sha256",
        soci::use(row.request, "request"), soci::use(row.approver, "approver"),
        soci::use(row.content_sha256, "content_sha256"), soci::into(same);
    if (same != 0) return false;
    sql << "DELETE FROM approvals WHERE request = :request AND approver = :approver", soci::use(row.request, "request"),
        soci::use(row.approver, "approver");
    sql << "INSERT INTO approvals (request, approver, content_sha256, comment, at)"
           " VALUES (:request, :approver, :content_sha256, :comment, :at)",
        soci::use(row);
    return true;
  });
}

base::Result<std::vector<ApprovalRow>> list_approvals(Transaction& transaction, const std::string& request) {
  return run(transaction, "list approvals", [&](soci::session& sql) {
    return collect<ApprovalRow>(
        (sql.prepare << "SELECT * FROM approvals WHERE request = :request ORDER BY at, approver",
         soci::use(request, "request")));
  });
}

}  // namespace countersign::store
