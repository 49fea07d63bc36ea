// Facts: the vocabulary of the trust feed, shared by the authority that publishes and the data planes that follow.
//
// A fact is a full statement, never a difference: applying it twice does no harm. JSON, one object a fact, `type`
// first.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/json.h"
#include "trust/registry_view.h"
#include "trust/trust_set.h"

namespace countersign::feed {

/// A root of ours; which issuing CAs are under it follows from their signatures.
struct RootFact {
  x509::Certificate certificate;
};

using Fact = std::variant<RootFact, trust::IssuingCa, trust::CertificateFact, trust::SuspensionFact>;

/// `sequence` is the registry's count of published changes: strictly rising, never reused.
struct Change {
  std::uint64_t sequence;
  Fact fact;
};

/// Everything true at `sequence`. Expired certificates are left out: they are refused as `expired` anyway.
struct Snapshot {
  std::uint64_t sequence = 0;
  std::vector<Fact> facts;
};

base::json::object to_json(const Fact& fact);
/// Fails: `feed.malformed`, naming the member.
base::Result<Fact> fact_from_json(const base::json::value& value);

/// {"sequence":n,"fact":{...}}
base::json::object to_json(const Change& change);
/// Fails: `feed.malformed`.
base::Result<Change> change_from_json(const base::json::value& value);

/// {"format":1,"sequence":N,"facts":[...]}
std::string to_json_text(const Snapshot& snapshot);
/// Fails: `feed.malformed`.
base::Result<Snapshot> parse_snapshot(std::string_view text);

/// {"sequence":N,"changes":[{"sequence":n,"fact":{...}},...]} in rising order; empty when nothing happened in time.
std::string to_json_text(std::uint64_t sequence, const std::vector<Change>& changes);
/// Fails: `feed.malformed`, also when sequences do not rise.
base::Result<std::vector<Change>> parse_changes(std::string_view text);

}  // namespace countersign::feed
