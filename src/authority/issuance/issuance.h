// Issuance (law 1): check, approval, lint, record, sign, publish - in that order, each step taking what only the step
// before can make: Order -> Checked -> Approved -> Linted -> SigningPermit -> certificate.
//
// A failure or a pulled plug between record and publish leaves an intent without certificate: recovery.h marks it
// abandoned, at once or before the next is recorded, after a crash at the next start; its serial is never used again,
// and asking once more gives a certificate under a new serial.
#pragma once

#include "authority/issuance/approval.h"
#include "authority/issuance/recovery.h"
#include "authority/issuance/signer.h"

namespace countersign::authority {

/// What has just been done. Watched by tests that stop there.
enum class Step {
  after_check,
  after_lint,
  after_record,
  after_sign,
  after_publish,
  after_crl_record,
  after_crl_sign,
  after_crl_publish,
  after_ca_claim,   ///< a name for the next issuing CA is durable
  after_ca_key,     ///< its key is
  after_ca_record,  ///< what its certificate will say is
  after_ca_sign,
  after_ca_change,  ///< a step of a rotation is durable
};
std::string_view name(Step step);
/// Fails: `step.unknown`.
base::Result<Step> parse_step(std::string_view text);

class StepObserver {
 public:
  virtual ~StepObserver() = default;
  /// A failure ends the issuance there, as if the process had died.
  virtual base::Result<void> reached(Step step) = 0;
};

/// Lets everything pass.
class NoObserver final : public StepObserver {
 public:
  base::Result<void> reached(Step) override { return {}; }
};

struct Issued {
  x509::Certificate certificate;
  base::Identity identity;
  const IssuingCa* issuer;  ///< never null; lives as long as the Hierarchy
};

/// How an order ends where it is not refused.
using Outcome = std::variant<Issued, Pending>;

/// What a credential is good for at this moment: what it gave already, or what is to be issued.
using Enquiry = std::variant<Outcome, Order>;

/// Orders that must not be under way together, since what one does decides about the other: those of one key, of one
/// redemption of a code, and those that replace one certificate. Two that do have a text in common.
std::vector<std::string> claims_of(const Order& order);

/// Belongs to the registry's thread.
class Issuance {
 public:
  /// Borrows all.
  Issuance(Checker checker, Approvals& approvals, Ledger& ledger, Signer& signer, StepObserver& observer)
      : checker_(checker), approvals_(approvals), ledger_(ledger), signer_(signer), observer_(observer) {}

  /// Fails: as Checker::check, Approvals::decide, lint, record, Signer::sign and publish.
  base::Result<Outcome> issue(const Order& order);
  /// Each step for all of them before the next one: their intents become durable together, before any is signed, and
  /// so do their certificates (docs/adr/0021). What fails, fails for one. No two may have a claim in common. In their
  /// order.
  std::vector<base::Result<Outcome>> issue(const std::vector<const Order*>& orders);
  /// What the platform needs for itself: nobody approves it. Fails: the same.
  base::Result<Issued> issue_own(Order order);

 private:
  struct Running;
  base::Result<std::variant<Linted, Pending>> prepare(const Order& order);
  void record(std::vector<Running>& all);
  void sign(std::vector<Running>& all);
  void publish(std::vector<Running>& all);
  Checker checker_;
  Approvals& approvals_;
  Ledger& ledger_;
  Signer& signer_;
  StepObserver& observer_;
  LeftIntents left_;
};

}  // namespace countersign::authority
