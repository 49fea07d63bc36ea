// ACME orders (RFC 8555 section 7.4): what is between "I want one" and the certificate. An order is ready at once,
// since its identifiers are approved; what it gives is decided where every other enrolment is.
//
// Belongs to the registry's thread. Whoever calls has proved to be the account.
#pragma once

#include "authority/authority.h"
#include "authority/enrolment/acme_accounts.h"
#include "store/acme.h"

namespace countersign::authority {

inline constexpr base::Duration kOrderLife = std::chrono::hours(24);
/// Orders are forgotten so long after their end; one that waits for an approval lives on until then.
inline constexpr base::Duration kOrdersKept = std::chrono::hours(24 * 90);
/// Of one account: orders under way, and orders made within kOrderLife.
inline constexpr std::int64_t kOpenOrders = 20;
inline constexpr std::int64_t kOrdersADay = 200;
/// Orders that a list shows.
inline constexpr int kListedOrders = 100;

struct NewOrder {
  std::vector<std::string> identifiers;  ///< of type dns
  std::optional<std::string> replaces;   ///< RFC 9773 section 4.1
};

/// An order as it stands, with when to ask again while it is processed.
struct OrderState {
  store::AcmeOrderRow row;
  std::optional<base::Duration> retry_after = {};
};

class AcmeOrders {
 public:
  /// Borrows both.
  AcmeOrders(Authority& authority, const store::AcmeAccountRow& account) : authority_(authority), account_(account) {}

  /// Fails: `acme.identifier`, `acme.too_many_orders`, `acme.replaces`, `acme.already_replaced`, and as store.
  base::Result<OrderState> create(const NewOrder& order, crypto::Random& random);
  /// One that waits for an approval is asked about. Fails: `acme.no_order`, and as store.
  base::Result<OrderState> find(const std::string& id);
  base::Result<std::vector<store::AcmeOrderRow>> list();
  /// `csr` is base64url of DER. Done already is no failure, as long as the key is the same. A refusal leaves the order
  /// as it was. Fails: `acme.no_order`, `acme.not_ready`, `acme.bad_csr`,
  /// `key.reused`, and as Enrolment::enrol.
  base::Result<OrderState> finalize(const std::string& id, const std::string& csr);
  /// The same in parts, for those who issue for many at once: what is to be enrolled, unless it is done already; what
  /// there is of it; and the order after that. Fails: as finalize().
  struct Enrolling {
    store::AcmeOrderRow row;
    base::Bytes csr;
  };
  base::Result<std::variant<OrderState, Enrolling>> begin_finalize(const std::string& id, const std::string& csr);
  base::Result<Enquiry> look_up(const Enrolling& enrolling);
  base::Result<OrderState> conclude(const Enrolling& enrolling, const Outcome& outcome);
  /// What an order of this account gave. Fails: `acme.no_certificate`.
  base::Result<Issued> find_certificate(const std::string& serial);

 private:
  base::Result<std::optional<std::string>> check_replaces(store::Transaction& rows, const NewOrder& order,
                                                          trust::Purpose purpose);
  base::Result<void> refuse_account_key(const crypto::PublicKey& key);
  base::Result<store::AcmeOrderRow> find_row(const std::string& id);
  base::Result<void> refuse_old_certificate(const store::AcmeOrderRow& order, const Issued& issued);
  base::Result<std::string> find_sponsor();
  base::Result<OrderState> advance(const Enrolling& enrolling);
  base::Result<OrderState> settle(store::AcmeOrderRow row, const char* action);
  Authority& authority_;
  const store::AcmeAccountRow& account_;
};

}  // namespace countersign::authority
