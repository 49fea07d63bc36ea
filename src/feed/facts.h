// Facts: the vocabulary of the trust feed, shared by the authority that publishes and the data planes that follow.
//
// A fact is a full statement, never a difference: applying it twice does no harm. JSON, one object a fact, `type`
// first.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/json.h"
#include "feed/signing_certificates.h"
#include "feed/token_facts.h"
#include "trust/registry_view.h"
#include "trust/trust_set.h"

namespace countersign::feed {

/// A root of ours; which issuing CAs are under it follows from their signatures.
struct RootFact {
  x509::Certificate certificate;
  std::vector<x509::Certificate> crosses = {};  ///< what other roots of ours say of it
};

/// A WithdrawnCa ends an IssuingCa for good: the same one is never told again. Of a Signing Certificate two facts are
/// told: that it was issued, as of any, and itself.
using Fact = std::variant<RootFact, trust::IssuingCa, trust::CertificateFact, trust::SuspensionFact, trust::WithdrawnCa,
                          SigningCertificate, TokenKeyFact, TokenRevocationFact, TokenCutFact>;

/// `sequence` is the registry's count of published changes: strictly rising, never reused.
struct Change {
  std::uint64_t sequence;
  Fact fact;
};

/// A fact that this release does not understand: of a newer kind, or broken. It is reported and passed over, so that it
/// cannot hold up the revocations behind it; kept as it came, so that the copy has no hole.
struct Unreadable {
  std::uint64_t sequence;  ///< 0 in a snapshot
  std::string json;
  base::Error error;
};

/// What happened since, in rising order without holes, readable and unreadable taken together.
struct Changes {
  std::vector<Change> changes;
  std::vector<Unreadable> unreadable = {};
};

/// Everything true at `sequence`. Expired certificates are left out: they are refused as `expired` anyway.
struct Snapshot {
  std::uint64_t sequence = 0;
  std::vector<Fact> facts;
  /// Which run of the authority counts these sequences: another one may count the same numbers for other facts (a
  /// restored backup), so a follower starts afresh.
  std::string feed = {};
  std::vector<Unreadable> unreadable = {};
};

base::json::object to_json(const Fact& fact);
/// Fails: `feed.malformed`, naming the member.
base::Result<Fact> fact_from_json(const base::json::value& value);

/// {"sequence":n,"fact":{...}}
base::json::object to_json(const Change& change);

/// {"format":1,"feed":"...","sequence":N,"facts":[...]}
std::string to_json_text(const Snapshot& snapshot);
/// Fails: `feed.malformed` when the text as a whole cannot be read.
base::Result<Snapshot> parse_snapshot(std::string_view text);

/// {"sequence":N,"changes":[{"sequence":n,"fact":{...}},...]}; empty when nothing happened in time.
std::string to_json_text(std::uint64_t sequence, const std::vector<Change>& changes);
/// Changes that follow `after` without a hole. Fails: `feed.malformed`, also on a hole.
base::Result<Changes> parse_changes(std::string_view text, std::uint64_t after);
/// One element of such a list, added to `changes`. Fails: as parse_changes.
base::Result<void> read_change(const base::json::value& value, std::uint64_t after, Changes& changes);

}  // namespace countersign::feed
