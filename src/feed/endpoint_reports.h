// EndpointReports: how partners' servers are, as the sender meets them: what the authority is told, so that those whose
// servers they are learn it.
//
// A report is a full statement about one endpoint's calls of one use: telling it again does no harm. Its words come
// from a closed list that both ends know, and `detail` is for the provider's own people alone: addresses and names of
// what is inside stay inside. One entry for each site that was added, so that there are never more than are configured.
// Lives on one loop.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/identity.h"
#include "base/json.h"
#include "base/time.h"
#include "trust/reason.h"

namespace countersign::feed {

/// `refused`: by our own checks of the server; `unreachable`: calls get no answer there.
enum class EndpointState { up, refused, unreachable };
std::string_view name(EndpointState state);

/// What a failure of calls means to whoever runs the server called, and what to do about it.
struct EndpointTrouble {
  /// What shows that it is over. A server may shake hands and not answer, or refuse our certificate behind that.
  enum class Until { handshake, answer };
  std::string_view code;  ///< `ehi.refused`, ...
  EndpointState state;
  Until until;
  std::string_view meaning;
  std::string_view remedy;
};
/// Every code there is.
std::span<const EndpointTrouble> endpoint_troubles();
/// Nothing: no such code, or one that is no fault of the server's.
const EndpointTrouble* find_endpoint_trouble(std::string_view code);

struct EndpointReport {
  base::Environment environment;
  base::Slug organisation;
  std::string url;
  std::string endpoint;  ///< what the sender calls it: not for partners
  std::string calls;     ///< "decisions", "decisions-recovery", "advices", ...
  EndpointState state = EndpointState::up;
  std::string code = {};  ///< of endpoint_troubles(); empty where it is up
  std::optional<trust::Reason> reason = {};
  std::string detail = {};  ///< not for partners
  std::int64_t times = 0;   ///< failures since `first`
  base::Instant first = {};
  base::Instant last = {};
};

class EndpointReports {
 public:
  /// In one call; of a detail; of a URL: together they fit a body at the authority.
  static constexpr std::size_t kBatch = 100;
  static constexpr std::size_t kDetailLimit = 500;
  static constexpr std::size_t kUrlLimit = 1024;
  /// What changes is not told again sooner; a trouble that goes on is told again.
  static constexpr base::Duration kPause = std::chrono::seconds(5);
  static constexpr base::Duration kRestated = std::chrono::seconds(60);
  /// A trouble that nobody has met for so long is not told any more: nobody knows whether it goes on.
  static constexpr base::Duration kBelieved = std::chrono::minutes(15);

  /// One URL that an endpoint calls for one use.
  class Site {
   public:
    struct Failure {
      std::string code;
      std::optional<trust::Reason> reason = {};
      std::string detail = {};
    };
    /// Passed over where the code is none of endpoint_troubles().
    void failed(const Failure& failure, base::Instant now);
    void answered();
    /// A handshake came about, and no call was made: what only an answer ends goes on.
    void shook_hands();
    EndpointState state() const { return report_.state; }

   private:
    friend class EndpointReports;
    explicit Site(EndpointReport report) : report_(std::move(report)) {}
    bool is_due(base::Instant now) const;
    EndpointReport report_;
    bool known_ = false;                                                ///< was there a call?
    bool changed_ = false;                                              ///< since it was told
    EndpointTrouble::Until until_ = EndpointTrouble::Until::handshake;  ///< of all failures of this trouble
    std::optional<base::Instant> told_ = {};
    bool unlisted_ = false;  ///< the authority does not know the server
  };
  /// Lives as long as this. It is told once there was a call.
  Site& add(EndpointReport which);

  /// What is to be told now, at most kBatch.
  std::vector<EndpointReport> take(base::Instant now);
  /// The authority could not be told.
  void give_back(const std::vector<EndpointReport>& untold);
  /// The authority's answer: URLs of servers that it does not know. What of it is new, as endpoint and URL.
  std::vector<std::pair<std::string, std::string>> heard(const std::vector<EndpointReport>& told,
                                                         std::string_view answer);

 private:
  Site* find(const EndpointReport& report);
  std::deque<Site> sites_;
};

/// {"reports":[{"environment","organisation","url","endpoint","calls","state","code","reason","detail","times","first",
/// "last"}]}, times in seconds since 1970; of one that is up without what follows its state.
base::json::object to_json(const std::vector<EndpointReport>& reports);
/// Codes and reasons that are not known here, as a later program may have, are passed over. Fails: `json.*`,
/// `endpoint_reports.too_many`, `endpoint_reports.invalid`.
base::Result<std::vector<EndpointReport>> endpoint_reports_from_json(const base::json::value& body);

}  // namespace countersign::feed
