// SiteTable: the sites of one listener on one worker, made of the trust and certificates of a moment. Immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/listener_plan.h"
#include "tls/session_memory.h"
#include "tls/site.h"

namespace countersign::gateway {

class SiteTable {
 public:
  /// What a worker brings.
  struct Means {
    std::shared_ptr<const tls::Library> library;
    std::shared_ptr<tls::SessionMemory> sessions;  ///< for listeners that let clients come back on a session
    tls::RejudgeClient rejudge;
  };
  /// Fails: `tls.context`.
  static base::Result<std::shared_ptr<const SiteTable>> make(const ListenerPlan& plan, const Credentials& own,
                                                             const Means& means);

  /// The site for a canonical name: of its own, of the longest wildcard, else that of other names; null: none.
  std::shared_ptr<const tls::Site> choose(const std::string& name) const;
  const std::shared_ptr<const tls::ServerContext>& first() const { return rows_.front().site->context; }
  /// Is it still what the views believe?
  bool is_current() const;

 private:
  struct Row {
    std::string pattern;  ///< "*" for other names
    std::shared_ptr<const tls::Site> site;
  };
  struct Source {
    std::shared_ptr<const TrustView> view;
    std::uint64_t generation;
  };
  std::vector<Row> rows_;  ///< the most exact first
  std::vector<Source> sources_;
};

}  // namespace countersign::gateway
