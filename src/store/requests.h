// Requests that people must approve before anything is issued, and the approvals given. A request is bound to its
// content by digest; so is each approval. Errors as in store/registry.h.
#pragma once

#include "store/applications.h"

namespace countersign::store {

struct RequestRow {
  std::string id;  ///< hexadecimal
  ApplicationKey key;
  std::string purpose;
  std::string spki_sha256;
  std::string content;         ///< what would be issued, as JSON
  std::string content_sha256;  ///< hexadecimal, of `content`
  std::string requested_by;
  std::optional<std::string> sponsor = std::nullopt;  ///< who made the credential that it was asked with
  std::int64_t needed = 0;                            ///< approvals by so many people
  std::string state;                                  ///< pending | approved | issued | refused
  base::Instant created_at = {};
  base::Instant expires_at = {};
  std::optional<base::Instant> decided_at = std::nullopt;
  std::optional<std::string> refusal = std::nullopt;  ///< why, in the words of who refused
  std::optional<std::string> serial = std::nullopt;   ///< of the issuance that spends, or spent, the approval
};

/// Fails also: `store.conflict` when the id is taken or there is no such application.
base::Result<void> insert(Transaction& transaction, const RequestRow& row);
base::Result<std::optional<RequestRow>> find_request(Transaction& transaction, const std::string& id);
/// The newest one for this use of a key, whatever became of it.
base::Result<std::optional<RequestRow>> find_newest_request(Transaction& transaction, const ApplicationKey& key,
                                                            const std::string& purpose, const std::string& spki_sha256);

struct RequestFilter {
  ApplicationFilter of;
  std::string state;  ///< empty: any
  base::Instant now;  ///< pending and approved ones that have expired are in no list but that of any state
  int limit = 100;
};
/// Newest first.
base::Result<std::vector<RequestRow>> list_requests(Transaction& transaction, const RequestFilter& filter);

/// Replaces content, digest and the number of approvals needed; the request is pending again. Its approvals stay as
/// rows, bound to the content they were given for. False when it is neither pending nor approved.
base::Result<bool> renew_request(Transaction& transaction, const RequestRow& row);
/// pending -> approved | refused. False when it was not pending.
base::Result<bool> decide_request(Transaction& transaction, const RequestRow& row);
struct RequestClaim {
  std::string id;
  std::string content_sha256;
  std::string serial;  ///< of the issuance that will spend the approval
};
/// Whatever was meant to spend it before. False when the request is not approved, or of other content.
base::Result<bool> claim_request(Transaction& transaction, const RequestClaim& claim);
/// approved -> issued, for the issuance that claimed it last. False when that is another.
base::Result<bool> spend_request(Transaction& transaction, const std::string& id, const std::string& serial);

struct ApprovalRow {
  std::string request;
  std::string approver;
  std::string content_sha256;
  std::string comment;
  base::Instant at;
};
/// Replaces the approver's earlier one, if it was for other content. False when it was for the same.
base::Result<bool> put(Transaction& transaction, const ApprovalRow& row);
/// In the order in which they were given.
base::Result<std::vector<ApprovalRow>> list_approvals(Transaction& transaction, const std::string& request);

}  // namespace countersign::store
