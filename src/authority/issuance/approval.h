// Approval: where the provider's policy wants people to look first, nothing is issued before k operators have approved
// exactly that content. Stands between check and lint: lint() takes an Approved, and only Approvals makes one.
//
// What is approved is a text that says all that the certificate will say, by its SHA-256. Whoever asks again is checked
// by today's registry and policy; if that would say anything else by one byte, the approvals given are void and the
// request waits anew. An approval is spent by one issuance.
#pragma once

#include <variant>

#include "authority/issuance/check.h"
#include "store/requests.h"

namespace countersign::authority {

/// What may be issued: checked, and approved by as many people as today's policy wants. Made only by Approvals.
class Approved {
 public:
  const Checked& checked() const { return checked_; }
  /// The request whose approval this issuance spends; absent where none was needed.
  struct Request {
    std::string id;
    std::string content_sha256;
  };
  const std::optional<Request>& request() const { return request_; }

 private:
  friend class Approvals;
  Approved(Checked checked, std::optional<Request> request)
      : checked_(std::move(checked)), request_(std::move(request)) {}
  Checked checked_;
  std::optional<Request> request_;
};

/// People must approve first. Asking again with the same credential and key tells how it stands.
struct Pending {
  std::string request;
  std::int64_t given;
  std::int64_t needed;
  base::Duration retry_after;
};

/// A request with the approvals that count for its content today.
struct KnownRequest {
  store::RequestRow row;
  std::vector<store::ApprovalRow> approvals;
  /// "pending", "approved", "issued", "refused", or "expired".
  std::string state;
};

tl::unexpected<base::Error> unknown_request();

/// Belongs to the registry's thread.
class Approvals {
 public:
  /// Borrows all.
  Approvals(Ledger& ledger, const IssuancePolicy& policy, crypto::Random& random)
      : ledger_(ledger), policy_(policy), random_(random) {}

  /// Opens a request where one is needed and there is none. Fails: `request.refused` with the words of who refused,
  /// `request.too_many`, `code.used`, and as store.
  base::Result<std::variant<Approved, Pending>> decide(Checked checked);

  /// Newest first; `state` as in KnownRequest, empty for any. Fails: `query.invalid`, and as store.
  base::Result<std::vector<KnownRequest>> list(const store::RequestFilter& filter);
  /// Fails: `request.unknown`, and as store.
  base::Result<KnownRequest> find(const std::string& id);

  /// Whose word it is, and on what: `content_sha256` is of the content that was looked at.
  struct Word {
    base::Identity by;
    std::string request;
    std::string content_sha256;
    std::string comment;
  };
  /// Done already is no failure. Fails: `request.unknown`, `request.changed` (another content than was looked at),
  /// `request.decided`, `request.expired`, `approval.own`, `approval.not_approver`, `approval.comment`, and as store.
  base::Result<KnownRequest> approve(const Word& word);
  /// One refusal ends the request. Fails: the same; `word.comment` is the reason that the requester is told.
  base::Result<KnownRequest> refuse(const Word& word);

 private:
  base::Result<Pending> open(const Checked& checked, const std::string& content);
  base::Result<Pending> reopen(store::RequestRow row, const std::string& content, std::int64_t needed);
  base::Result<store::RequestRow> find_open(store::Transaction& rows, const Word& word);
  base::Result<std::vector<store::ApprovalRow>> count(store::Transaction& rows, const store::RequestRow& row);
  base::Result<KnownRequest> know(store::Transaction& rows, store::RequestRow row);
  const IssuanceRules& rules_for(const store::RequestRow& row, const base::Identity& identity) const;
  Ledger& ledger_;
  const IssuancePolicy& policy_;
  crypto::Random& random_;
};

/// So many requests of one application may wait at once.
inline constexpr int kMostWaiting = 20;
/// For so long a request can be approved, and an approved one be used.
inline constexpr base::Duration kRequestLife = std::chrono::hours(24 * 14);
/// What a requester is told to wait before asking again.
inline constexpr base::Duration kRetryAfter = std::chrono::seconds(60);

}  // namespace countersign::authority
