// How an API error leaves the authority: as problem+json, and as one record in our log.
#pragma once

#include "base/log.h"
#include "http/message.h"

namespace countersign::authority {

/// Whose call was refused.
struct RefusedCall {
  std::string listener;
  std::string address;
  std::string caller;       ///< URN, or "none"
  std::string code_digest;  ///< the first digits of an enrolment code's SHA-256; empty when there was none
};

/// Answers refused calls, each with one record, and counts them. Belongs to its loop.
class Refusals {
 public:
  explicit Refusals(const base::Log& log) : log_(log) {}

  /// http::to_problem, with the statuses that a Kind cannot say: 405 and 410, and those
  /// of EST and ACME. The record is `api.refused`, or
  /// `api.failed` with the whole story for the kinds internal, corrupt and unavailable, where the fault is ours.
  http::Response answer(const base::Error& error, const http::Request& request, const RefusedCall& call);
  std::uint64_t count() const { return count_; }

 private:
  const base::Log& log_;
  std::uint64_t count_ = 0;
};

/// The first 8 digits of the SHA-256 of the enrolment code in a body or as a password, as the audit log and the list of
/// codes show it; empty when there is none.
std::string code_digest_in(const http::Request& request);

}  // namespace countersign::authority
