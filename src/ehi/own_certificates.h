// OwnCertificates: which of our certificates are used to call and to sign: the first of each kind that the authority
// has not taken back and that has not ended.
//
// A certificate of ours that is revoked, suspended, expired or of a withdrawn issuing CA is used no more, from the
// moment the trust feed says so; a standby is used in its stead where there is one, else none. One of which the feed
// has not heard yet is used: it may have been issued a moment ago. Lives on one loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "feed/knowledge.h"
#include "tls/context.h"
#include "trust/verdict.h"

namespace countersign::ehi {

class OwnCertificates {
 public:
  struct Kind {
    base::Environment environment;
    trust::Purpose purpose;
    friend auto operator<=>(const Kind&, const Kind&) = default;
  };
  enum class Rank { first, standby };
  /// Told which one is used from now on; null: none, and why. Fails where it cannot be used for that: then nothing has
  /// changed by it, and the next one is tried.
  using Use =
      std::function<base::Result<void>(std::shared_ptr<const tls::Credential> own, const std::string& why_none)>;

  /// Borrows everything.
  OwnCertificates(const feed::Knowledge& knowledge, const base::Clock& clock, const base::Log& log)
      : knowledge_(knowledge), clock_(clock), log_(log) {}

  void add(Kind kind, Use use);
  /// There is one, or another one in its place. Of a kind that was added.
  void offer(Kind kind, Rank rank, std::shared_ptr<const tls::Credential> own);
  /// Judges all of them again: after the feed has changed, and every second, since time passes.
  void look();

  /// How it is with each kind.
  struct Standing {
    Kind kind;
    std::optional<Rank> used;  ///< nothing: none may be
    std::string why_not = {};  ///< of the first, where it is not used
  };
  std::vector<Standing> standings() const;

 private:
  struct Candidate {
    std::shared_ptr<const tls::Credential> own = nullptr;
    std::uint64_t trust_generation = 0;  ///< with which `chain` was verified
    std::optional<trust::VerifiedChain> chain = {};
    std::optional<trust::Refusal> unverified = {};
    std::string unfit = {};  ///< why it could not be used when that was tried
  };
  struct Slot {
    Kind kind;
    Use use;
    std::array<Candidate, 2> candidates = {};
    std::optional<Standing> told = {};
    Candidate used = {};  ///< goes on being used where what replaced it cannot be, while it is good
  };
  std::optional<trust::Refusal> judge(const Kind& kind, Candidate& candidate) const;
  void verify(const Kind& kind, Candidate& candidate) const;
  void look(Slot& slot);
  Standing choose(Slot& slot) const;
  static bool is_replaced(const Slot& slot);
  std::string why_not(const Kind& kind, Candidate& candidate) const;
  std::string use(Slot& slot, Rank rank, const std::string& why_not_first) const;

  const feed::Knowledge& knowledge_;
  const base::Clock& clock_;
  const base::Log& log_;
  std::vector<Slot> slots_;
};

std::string_view name(OwnCertificates::Rank rank);

}  // namespace countersign::ehi
