// What senders meet when they call partners' servers: kept with the server that the registry has for the URL called.
//
// A sender says whose server it is, as its operators configured it; of that organisation it is the server of the same
// environment with that URL, or with that host and port. A server that nobody registered is passed over, so that a
// sender can say something about nobody else's. No decision, so not audited; what partners are told is (outages.h).
// Belongs to the registry's thread.
#pragma once

#include <span>

#include "authority/registry/ledger.h"
#include "feed/endpoint_reports.h"
#include "store/ehi_servers.h"
#include "store/ehi_troubles.h"

namespace countersign::authority {

/// Of one server; the longest that one is kept after it was heard of.
inline constexpr int kTroublesOfServer = 20;
inline constexpr base::Duration kTroubleMemory = std::chrono::hours(24 * 30);
/// A trouble that no sender repeats for so long has lapsed: nobody knows.
inline constexpr base::Duration kTroubleLapse = std::chrono::minutes(15);
inline constexpr int kTroublesListed = 2000;

struct NotedReports {
  std::size_t noted = 0;
  std::vector<std::string> unknown;  ///< URLs of which the registry has no server
};
/// `sender` is who says it. A time yet to come is taken for now. Fails: as store.
base::Result<NotedReports> note_endpoint_reports(Ledger& ledger, const std::string& sender,
                                                 const std::vector<feed::EndpointReport>& reports);

/// How one server is, by what all senders say: the worst that one of them meets now.
struct EhiCondition {
  enum class State { unknown, up, refused, unreachable };
  State state = State::unknown;
  std::string code = {};
  std::optional<std::string> reason = {};
  base::Instant since = {};  ///< the first failure; where it is up, the end of the last trouble
  base::Instant last = {};
  std::int64_t times = 0;

  bool is_trouble() const { return state == State::refused || state == State::unreachable; }
};
std::string_view name(EhiCondition::State state);
/// Nothing lapses for whoever was not there to hear it repeated.
struct Hearing {
  base::Instant now;
  base::Instant since = {};
};
/// Of the rows of one server. Where there is no trouble any more it is up; unknown where what there was has lapsed, and
/// nobody has said anything of that server since.
EhiCondition condition_of(std::span<const store::EhiTroubleRow> rows, const Hearing& hearing);

/// What `code`, and of a certificate its `reason`, mean to whoever runs the server, and what to do.
struct TroubleWords {
  std::string_view meaning;
  std::string_view remedy;
};
TroubleWords words_for(const std::string& code, const std::optional<std::string>& reason);

}  // namespace countersign::authority
