#include "store/acme.h"

#include "store/sql.h"

STORE_ROW(AcmeCredentialRow);
STORE_ROW(AcmeAccountRow);
STORE_ROW(AcmeOrderRow);

using countersign::store::AcmeAccountRow;
using countersign::store::AcmeCredentialRow;
using countersign::store::AcmeOrderRow;

void soci::type_conversion<AcmeCredentialRow>::from_base(const soci::values& from, soci::indicator,
                                                         AcmeCredentialRow& row) {
  using namespace countersign::store;
  row = {text(from, "kid"),
         application_key(from),
         split(text(from, "purposes")),
         text(from, "created_by"),
         instant(from, "created_at"),
         instant(from, "expires_at"),
         maybe_instant(from, "cancelled_at"),
         maybe_text(from, "account")};
}

void soci::type_conversion<AcmeCredentialRow>::to_base(const AcmeCredentialRow& row, soci::values& to,
                                                       soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "kid", row.kid);
  put(to, row.key);
  put(to, "purposes", join(row.purposes));
  put(to, "created_by", row.created_by);
  put(to, "created_at", row.created_at);
  put(to, "expires_at", row.expires_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<AcmeAccountRow>::from_base(const soci::values& from, soci::indicator, AcmeAccountRow& row) {
  using namespace countersign::store;
  row = {text(from, "id"),
         text(from, "thumbprint"),
         text(from, "jwk"),
         text(from, "status"),
         split(text(from, "contact")),
         application_key(from),
         split(text(from, "purposes")),
         text(from, "kid"),
         instant(from, "created_at")};
}

void soci::type_conversion<AcmeAccountRow>::to_base(const AcmeAccountRow& row, soci::values& to,
                                                    soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "thumbprint", row.thumbprint);
  put(to, "jwk", row.jwk);
  put(to, "status", row.status);
  put(to, "contact", join(row.contact));
  put(to, row.key);
  put(to, "purposes", join(row.purposes));
  put(to, "kid", row.kid);
  put(to, "created_at", row.created_at);
  indicator = soci::i_ok;
}

void soci::type_conversion<AcmeOrderRow>::from_base(const soci::values& from, soci::indicator, AcmeOrderRow& row) {
  using namespace countersign::store;
  row = {text(from, "id"),
         text(from, "account"),
         text(from, "purpose"),
         split(text(from, "identifiers")),
         text(from, "status"),
         maybe_text(from, "csr"),
         maybe_text(from, "error"),
         maybe_text(from, "serial"),
         maybe_text(from, "replaces"),
         instant(from, "created_at"),
         instant(from, "expires_at")};
}

void soci::type_conversion<AcmeOrderRow>::to_base(const AcmeOrderRow& row, soci::values& to,
                                                  soci::indicator& indicator) {
  using namespace countersign::store;
  put(to, "id", row.id);
  put(to, "account", row.account);
  put(to, "purpose", row.purpose);
  put(to, "identifiers", join(row.identifiers));
  put(to, "status", row.status);
  put(to, "csr", row.csr);
  put(to, "error", row.error);
  put(to, "serial", row.serial);
  put(to, "replaces", row.replaces);
  put(to, "created_at", row.created_at);
  put(to, "expires_at", row.expires_at);
  indicator = soci::i_ok;
}

namespace countersign::store {

base::Result<void> insert(Transaction& transaction, const AcmeCredentialRow& row) {
  return run(transaction, "store an ACME credential", [&](soci::session& sql) {
    sql << "INSERT INTO acme_credentials"
           " (kid, environment, organisation, application, purposes, created_by, created_at, expires_at)"
           " VALUES (:kid, :environment, :organisation, :application, :purposes, :created_by, :created_at, "
           ":expires_at)",
        soci::use(row);
  });
}

base::Result<std::optional<AcmeCredentialRow>> find_acme_credential(Transaction& transaction, const std::string& kid) {
  return run(transaction, "find an ACME credential", [&](soci::session& sql) {
    return first<AcmeCredentialRow>(
        (sql.prepare << "SELECT * FROM acme_credentials WHERE kid = :kid", soci::use(kid, "kid")));
  });
}

base::Result<std::vector<AcmeCredentialRow>> list_acme_credentials(Transaction& transaction,
                                                                   const ApplicationKey& key) {
  return run(transaction, "list ACME credentials", [&](soci::session& sql) {
    return collect<AcmeCredentialRow>((sql.prepare << "SELECT * FROM acme_credentials WHERE environment = :environment"
                                                      " AND organisation = :organisation AND application = :application"
                                                      " ORDER BY created_at DESC, kid",
                                       soci::use(key.environment, "environment"),
                                       soci::use(key.organisation, "organisation"),
                                       soci::use(key.application, "application")));
  });
}

base::Result<void> cancel_acme_credential(Transaction& transaction, const std::string& kid, base::Instant at) {
  return run(transaction, "cancel an ACME credential", [&](soci::session& sql) {
    const long long micros = at.micros;
    sql << "UPDATE acme_credentials SET cancelled_at = :at WHERE kid = :kid", soci::use(micros, "at"),
        soci::use(kid, "kid");
  });
}

base::Result<bool> use_acme_credential(Transaction& transaction, const std::string& kid, const std::string& account) {
  return run(transaction, "use an ACME credential", [&](soci::session& sql) {
    soci::statement update =
        (sql.prepare << "UPDATE acme_credentials SET account = :account WHERE kid = :kid AND account IS NULL",
         soci::use(account, "account"), soci::use(kid, "kid"));
    update.execute(true);
    return update.get_affected_rows() == 1;
  });
}

base::Result<void> insert(Transaction& transaction, const AcmeAccountRow& row) {
  return run(transaction, "store an ACME account", [&](soci::session& sql) {
    sql << "INSERT INTO acme_accounts"
           " (id, thumbprint, jwk, status, contact, environment, organisation, application, purposes, kid, created_at)"
           " VALUES (:id, :thumbprint, :jwk, :status, :contact, :environment, :organisation, :application, :purposes,"
           " :kid, :created_at)",
        soci::use(row);
  });
}

base::Result<std::optional<AcmeAccountRow>> find_acme_account(Transaction& transaction, const std::string& id) {
  return run(transaction, "find an ACME account", [&](soci::session& sql) {
    return first<AcmeAccountRow>((sql.prepare << "SELECT * FROM acme_accounts WHERE id = :id", soci::use(id, "id")));
  });
}

base::Result<std::optional<AcmeAccountRow>> find_acme_account_of_key(Transaction& transaction,
                                                                     const std::string& thumbprint) {
  return run(transaction, "find an ACME account by its key", [&](soci::session& sql) {
    return first<AcmeAccountRow>((sql.prepare << "SELECT * FROM acme_accounts WHERE thumbprint = :thumbprint",
                                  soci::use(thumbprint, "thumbprint")));
  });
}

base::Result<void> update(Transaction& transaction, const AcmeAccountRow& row) {
  return run(transaction, "change an ACME account", [&](soci::session& sql) {
    const std::string contact = join(row.contact);
    sql << "UPDATE acme_accounts SET status = :status, contact = :contact, thumbprint = :thumbprint, jwk = :jwk"
           " WHERE id = :id",
        soci::use(row.status, "status"), soci::use(contact, "contact"), soci::use(row.thumbprint, "thumbprint"),
        soci::use(row.jwk, "jwk"), soci::use(row.id, "id");
  });
}

base::Result<void> insert(Transaction& transaction, const AcmeOrderRow& row) {
  return run(transaction, "store an ACME order", [&](soci::session& sql) {
    sql << "INSERT INTO acme_orders"
           " (id, account, purpose, identifiers, status, csr, error, serial, replaces, created_at, expires_at)"
           " VALUES (:id, :account, :purpose, :identifiers, :status, :csr, :error, :serial, :replaces, :created_at,"
           " :expires_at)",
        soci::use(row);
  });
}

base::Result<std::optional<AcmeOrderRow>> find_acme_order(Transaction& transaction, const std::string& id) {
  return run(transaction, "find an ACME order", [&](soci::session& sql) {
    return first<AcmeOrderRow>((sql.prepare << "SELECT * FROM acme_orders WHERE id = :id", soci::use(id, "id")));
  });
}

base::Result<std::vector<AcmeOrderRow>> list_acme_orders(Transaction& transaction, const std::string& account,
                                                         int limit) {
  return run(transaction, "list ACME orders", [&](soci::session& sql) {
    return collect<AcmeOrderRow>((sql.prepare << "SELECT * FROM acme_orders WHERE account = :account"
                                                 " ORDER BY created_at DESC, id LIMIT :most",
                                  soci::use(account, "account"), soci::use(limit, "most")));
  });
}

base::Result<std::vector<AcmeOrderRow>> list_acme_replacements(Transaction& transaction, const std::string& serial) {
  return run(transaction, "list ACME renewals", [&](soci::session& sql) {
    return collect<AcmeOrderRow>(
        (sql.prepare << "SELECT * FROM acme_orders WHERE replaces = :serial AND status <> 'invalid'",
         soci::use(serial, "serial")));
  });
}

base::Result<std::optional<AcmeOrderRow>> find_acme_order_of(Transaction& transaction, const std::string& account,
                                                             const std::string& serial) {
  return run(transaction, "find an ACME order by its certificate", [&](soci::session& sql) {
    return first<AcmeOrderRow>(
        (sql.prepare << "SELECT * FROM acme_orders WHERE account = :account AND serial = :serial LIMIT 1",
         soci::use(account, "account"), soci::use(serial, "serial")));
  });
}

base::Result<void> update(Transaction& transaction, const AcmeOrderRow& row) {
  return run(transaction, "change an ACME order", [&](soci::session& sql) {
    soci::statement change = (sql.prepare << "UPDATE acme_orders SET status = :status, csr = :csr, error = :error,"
                                             " serial = :serial WHERE id = :id",
                              soci::use(row));
    change.execute(true);
  });
}

base::Result<void> forget_acme_orders(Transaction& transaction, base::Instant before) {
  return run(transaction, "forget old ACME orders", [&](soci::session& sql) {
    const long long micros = before.micros;
    sql << "DELETE FROM acme_orders WHERE expires_at < :before", soci::use(micros, "before");
  });
}

base::Result<AcmeOrderCount> count_acme_orders(Transaction& transaction, const std::string& account, base::Instant now,
                                               base::Instant since) {
  return run(transaction, "count ACME orders", [&](soci::session& sql) {
    long long open = 0;
    long long made = 0;
    const long long now_micros = now.micros;
    const long long since_micros = since.micros;
    sql << "SELECT COUNT(*) FROM acme_orders WHERE account = :account AND expires_at > :now"
           " AND status IN ('ready', 'processing')",
        soci::use(account, "account"), soci::use(now_micros, "now"), soci::into(open);
    sql << "SELECT COUNT(*) FROM acme_orders WHERE account = :account AND created_at >= :since",
        soci::use(account, "account"), soci::use(since_micros, "since"), soci::into(made);
    return AcmeOrderCount{open, made};
  });
}

}  // namespace countersign::store
