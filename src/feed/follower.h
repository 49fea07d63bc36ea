// Follower: keeps Knowledge current from the authority's trust feed, and its copy on disk.
//
// Snapshot first, then changes by long poll, over mutual TLS. While the authority is away, what is known goes on to
// hold; how old it is can be asked. Lives on one loop.
#pragma once

#include <functional>

#include "feed/authority_link.h"
#include "feed/copy.h"
#include "feed/credential_files.h"
#include "feed/knowledge.h"

namespace countersign::feed {

class Follower {
 public:
  struct Options {
    AuthorityLink::Options link;
    CredentialFiles credential;  ///< our service certificate; read anew at every connection
    std::filesystem::path copy;
    /// The only roots that the feed may speak of: what the operator installed, and what one of these vouches for by a
    /// cross certificate. Others are reported and passed over.
    std::vector<x509::Certificate> roots;
  };
  /// Called on the follower's loop after knowledge changed.
  using Changed = std::function<void()>;

  Follower(net::Loop& loop, Options options, Knowledge& knowledge, const base::Clock& clock, const base::Log& log);

  /// Fills knowledge from the copy on disk: true when there was one. Fails: `feed.malformed`, `trust.empty`.
  base::Result<bool> start_from_copy();
  /// Takes a snapshot from the authority. Fails: as the link, `feed.malformed`, `file.unwritable`.
  net::Task<base::Result<void>> take_snapshot(net::Deadline deadline);
  /// Follows until the loop stops, reconnecting with back-off.
  net::Task<void> run(Changed changed);
  /// Replaces Options::roots. Where some are new, a snapshot is taken instead of the next poll: the feed may have
  /// spoken of them before.
  void use_roots(std::vector<x509::Certificate> roots);
  /// Another process writes the copy from now on, or we do again. Changes act all the same.
  void leave_copy_to_another();
  void take_copy_back();
  /// When the authority last answered; absent before the first answer.
  std::optional<base::Instant> last_answer() const { return last_answer_; }

 private:
  net::Task<base::Result<AuthorityLink>> open(net::Deadline deadline);
  net::Task<base::Result<void>> take_snapshot_over(AuthorityLink& link, net::Deadline deadline);
  net::Task<base::Error> follow_until_failure();
  net::Task<base::Result<void>> poll(AuthorityLink& link);
  base::Result<void> know(Snapshot snapshot);
  void take_over(const Changes& changes);
  const std::string& holdings();
  void take_over_one(const Change& change);
  void drop_foreign_roots(std::vector<Fact>& facts);
  bool is_foreign_root(const Fact& fact);
  void report(const std::vector<Unreadable>& unreadable) const;
  void save(const std::function<base::Result<void>()>& write);

  net::Loop& loop_;
  Options options_;
  Knowledge& knowledge_;
  const base::Clock& clock_;
  const base::Log& log_;
  Copy copy_;
  Changed changed_ = [] {};
  std::vector<trust::ProposedRoot> told_;  ///< roots that the feed spoke of and that are believed
  std::optional<base::Instant> last_answer_;
  /// The copy holds all that is known. If not, nothing is appended to it: a hole would lose a revocation at the next
  /// start.
  bool copy_whole_ = false;
  bool copy_is_ours_ = true;
  bool snapshot_due_ = false;  ///< whatever the copy is like
  std::size_t appended_ = 0;
  std::string holdings_;                         ///< of the trust of that generation
  std::uint64_t holdings_trust_ = 0;             ///< 0: of none
  std::optional<net::Deadline> next_copy_ = {};  ///< when to try for a whole copy again
  bool reachable_ = true;                        ///< so that each loss and return is logged once
};

}  // namespace countersign::feed
