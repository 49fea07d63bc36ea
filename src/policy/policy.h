// Policy: who may use what of the APIs behind the gateway, as one immutable value. Deny by default.
//
// Made from a policy file alone, and only from one that is right to the last key. Grants add up: a request is let
// through when one grant says so; nothing takes away what another grant gives. See docs/policy.md.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "crypto/digest.h"
#include "net/network.h"
#include "policy/caller.h"
#include "policy/limits.h"
#include "policy/path_index.h"
#include "policy/pattern.h"

namespace countersign::policy {

/// What a refusal does. It never changes what a handshake demands.
enum class Mode {
  off,      ///< nothing is asked
  observe,  ///< what would be refused is let through, recorded and counted
  enforce,
};
std::string_view name(Mode mode);

/// Those in `to` may use these methods on these paths of this host.
struct Grant {
  std::string name;             ///< unique; stands in records and explanations
  std::vector<std::string> to;  ///< names of applications, sets resolved
  HostPattern host;
  MethodSet methods;
  std::vector<PathPattern> paths;  ///< at least one
  net::Networks from;              ///< empty: from everywhere
  bool api_key;                    ///< an API key of the application is needed, too
};

/// What differs for a partner; absent: as a wider name says.
struct Terms {
  std::optional<Mode> mode = {};
  std::optional<net::Networks> from = {};
  Limits limits = {};
};

class Policy;
using PolicyPointer = std::shared_ptr<const Policy>;

class Policy {
 public:
  static constexpr std::size_t kFileLimit = 4 * 1024 * 1024;
  static constexpr std::size_t kMostGrants = 20'000;
  static constexpr std::size_t kMostPathsOfAGrant = 256;
  static constexpr std::size_t kMostNames = 10'000;  ///< in one `to` or set
  static constexpr std::size_t kMostNetworks = 256;  ///< in one `from`
  static constexpr std::size_t kDigestsOfAKey = 2;   ///< the key in use and the one that follows it

  /// `origin` names the text in errors. Fails: `config.*`, `policy.*` naming key and line.
  static base::Result<PolicyPointer> parse(std::string_view text, const std::string& origin);
  /// Grants nothing, limits nothing: of a gateway whose routes ask for no grants.
  static PolicyPointer nothing();

  const std::vector<Grant>& grants() const { return grants_; }
  /// The field that is kept from upstreams: empty when there are no API keys here, or the file says otherwise.
  std::string_view withheld_field() const { return withheld_field_; }
  const std::string& api_key_field() const { return api_key_field_; }
  /// Names whose refusals are not enforced, with the mode; "default" is everybody who is not named.
  std::vector<std::pair<std::string, Mode>> not_enforced() const;

 private:
  friend class PolicyReader;
  friend class Rights;
  Policy() = default;

  Mode mode_ = Mode::enforce;
  std::string api_key_field_ = "X-Api-Key";
  std::string withheld_field_;
  std::vector<Grant> grants_;
  std::unordered_map<std::string, PathIndex> grants_to_;  ///< by name of applications
  std::map<std::string, Terms> terms_;                    ///< by name of applications or organisations
  std::unordered_map<std::string, std::vector<crypto::Digest256>> api_keys_;  ///< by application
};

/// What one caller has under one policy, put together once a connection.
class Rights {
 public:
  /// Borrows `policy`.
  Rights(const Policy& policy, const Caller& caller);

  const Policy& policy() const { return *policy_; }
  bool anonymous() const { return anonymous_; }
  Mode mode() const { return mode_; }
  /// That name the caller, in file order. Put together at each call: for explanations.
  std::vector<const Grant*> grants() const;
  /// Calls `found` with each grant that names the caller and of which a path fits; with one perhaps several times.
  template <class Found>
  void visit_grants(std::string_view path, const Found& found) const {
    for (const PathIndex* index : indexes_)
      if (index != nullptr) index->visit(path, [&](std::uint32_t grant) { found(policy_->grants()[grant]); });
  }
  /// Both must hold: of the application, and of its organisation.
  const net::Networks& application_from() const { return application_from_; }
  const net::Networks& organisation_from() const { return organisation_from_; }
  const Limits& application_limits() const { return application_limits_; }
  const Limits& organisation_limits() const { return organisation_limits_; }
  const std::vector<crypto::Digest256>& api_keys() const { return api_keys_; }

 private:
  void read_terms(const Caller& caller);
  const Policy* policy_;
  bool anonymous_;
  Mode mode_ = Mode::enforce;
  std::array<std::string, 3> names_;
  std::array<const PathIndex*, 3> indexes_ = {};  ///< null where nothing is granted to that name
  net::Networks application_from_ = {};
  net::Networks organisation_from_ = {};
  Limits application_limits_ = {};
  Limits organisation_limits_ = {};
  std::vector<crypto::Digest256> api_keys_ = {};
};

}  // namespace countersign::policy
