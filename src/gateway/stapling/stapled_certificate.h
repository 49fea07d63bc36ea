// StapledCertificate: one certificate of the gateway's with what its CA's responder said last: what is stapled, when
// there is to be another one, and what is wrong.
//
// It is the same object for as long as the certificate is shown, through generations of the configuration. Changed by
// its keeper alone; what it says is thread-safe.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "gateway/stapling/judgement.h"
#include "gateway/stapling/settings.h"
#include "gateway/upstream/dice.h"
#include "tls/own_staple.h"

namespace countersign::gateway {

/// How often responders are asked.
struct StaplePace {
  base::Duration first_pause = std::chrono::seconds(5);  ///< after a failure; doubled at each that follows
  base::Duration longest_pause = std::chrono::minutes(10);
  base::Duration longest_pause_bare = std::chrono::seconds(30);  ///< where one must be stapled and there is none
  /// At half of what is left of a response, but no later than this: a revocation is to be seen.
  base::Duration longest_rest = std::chrono::hours(1);
};

class StapledCertificate {
 public:
  /// Why nothing is stapled for this chain; empty: something is.
  static std::string why_not(const std::vector<x509::Certificate>& chain, const OcspSettings& settings);
  /// What is to be said of that.
  struct Unstapled {
    std::string why;
    bool must;  ///< the certificate says that it is always stapled (RFC 7633)
    base::Level level;
  };
  /// Nothing where something is stapled, and where nobody expects it: the certificate names no responder, or stapling
  /// is off, and it need not be stapled.
  static std::optional<Unstapled> unstapled(const std::vector<x509::Certificate>& chain, const OcspSettings& settings);
  /// Null where why_not() says something. Borrows the clock.
  static std::shared_ptr<StapledCertificate> make(const std::vector<x509::Certificate>& chain,
                                                  const OcspSettings& settings, const base::Clock& clock);

  const x509::Certificate& certificate() const { return leaf_; }
  const std::string& responder() const { return responder_; }
  /// The same certificate, issuer and responder?
  bool asks_the_same(const StapledCertificate& other) const {
    return leaf_ == other.leaf_ && issuer_ == other.issuer_ && responder_ == other.responder_;
  }
  /// RFC 7633: clients are told to expect one.
  bool must_staple() const { return must_; }
  const base::Bytes& question() const { return question_; }
  const tls::OwnStaple& staple() const { return staple_; }

  /// What is known of it now.
  struct State {
    bool revoked = false;
    bool awaited = false;  ///< no word has come since the gateway began, and it must be stapled
    std::optional<base::Instant> this_update = {};
    std::optional<base::Instant> until = {};  ///< of what is stapled; nothing: nothing is
    std::array<std::uint64_t, kStapleTroubles.size()> failures = {};
    base::Instant newest = {};  ///< thisUpdate of what was believed last, good or revoked
  };
  State state() const;
  /// It must be stapled and there is nothing. What is revoked lacks nothing: it is to be replaced.
  bool lacks() const;

  // Of the keeper.

  /// Is it time to ask?
  bool is_due(base::Instant now) const { return now >= next_ || now < asked_at_; }  // or the clock was set back
  base::Instant next() const { return next_; }
  /// What became of it, for the log.
  enum class Change {
    none,
    renewed,  ///< another response is stapled
    failing,  ///< for another reason than before; what there was is stapled to its end
    revoked,  ///< nothing is stapled any more
  };
  struct Outcome {
    Change change;
    std::optional<StapleRefusal> refusal = {};
  };
  Outcome take(base::Result<base::Bytes> answer, base::Instant now, const StaplePace& pace, Dice& dice);
  /// True once when what was stapled has ended.
  bool note_end(base::Instant now);
  /// The gateway begins with it, and is not ready before the first word about it.
  void await_first();
  /// Goes on with what is known of the same certificate, when the responder or the issuer's certificate is another one.
  void adopt(const StapledCertificate& before);
  /// Was something said of this one later than what `other` knows?
  bool knows_more_than(const StapledCertificate& other) const;

 private:
  StapledCertificate(const std::vector<x509::Certificate>& chain, std::string responder, base::Bytes question,
                     const base::Clock& clock);
  Outcome take_good(GoodStaple good, base::Instant now, const StaplePace& pace, Dice& dice);
  Outcome take_refusal(StapleRefusal refusal, base::Instant now, const StaplePace& pace, Dice& dice);

  const x509::Certificate leaf_;
  const x509::Certificate issuer_;
  const std::string responder_;
  const base::Bytes question_;
  const bool must_;
  tls::OwnStaple staple_;
  mutable std::mutex mutex_;
  State state_;  ///< guarded
  // Of the keeper's thread.
  base::Instant next_ = {};
  base::Instant asked_at_ = {};
  base::Duration pause_ = base::Duration::zero();
  std::optional<StapleTrouble> trouble_ = {};  ///< of the last answer
};

}  // namespace countersign::gateway
