// Keeper: keeps one certificate fresh: asks when it is due, waits for approval, swaps, runs the hook, tries again.
//
// All that must survive the process is on disk: the key that waits (PURPOSE.key.next) and for which certificate the
// hook has run (PURPOSE.hook-done). So it may be killed at any point and begin anew. What a failure costs is time.
#pragma once

#include "cli/agent_config.h"
#include "cli/hook.h"
#include "cli/renewal.h"
#include "crypto/random.h"

namespace countersign::cli {

/// The authority, as a keeper sees it; a fake in tests.
class RenewalDesk {
 public:
  virtual ~RenewalDesk() = default;
  /// POST /v1/renewals; `held` is shown, and borrowed until it is done. Fails: as ApiConnection.
  virtual net::Task<base::Result<ApiAnswer>> ask(const tls::Credential& held, base::json::object body) = 0;
};

class Keeper {
 public:
  struct Options {
    std::filesystem::path folder;
    trust::Purpose purpose;
    std::optional<crypto::PrivateKey::Kind> key_kind = std::nullopt;  ///< absent: like the key that is held
    std::vector<std::string> hook = {};
    base::Duration hook_time = std::chrono::seconds(30);
    Retries retries = {};
    std::optional<base::Duration> danger_renew_after = std::nullopt;
  };
  /// Borrowed.
  struct Parts {
    RenewalDesk& desk;
    HookRunner& hooks;
    const base::Clock& clock;
    crypto::Random& random;
    const base::Log& log;
  };
  /// What can be told of it, for metrics.
  struct State {
    std::optional<base::Instant> not_before;
    std::optional<base::Instant> not_after;  ///< absent: no certificate could be loaded
    std::uint64_t renewed = 0;
    std::uint64_t failed = 0;
    std::uint64_t hooks_done = 0;
    std::uint64_t hooks_failed = 0;
    std::uint32_t failures_in_a_row = 0;            ///< of renewal and hook; 0: all is well
    bool pending = false;                           ///< waits for approval
    std::optional<base::Instant> due;               ///< when the certificate is renewed
    base::ExitCode exit_code = base::ExitCode::ok;  ///< of the last look
  };

  Keeper(Options options, const Parts& parts) : options_(std::move(options)), parts_(parts) {}

  /// Does what is to be done now. For so long nothing is to be done then; while all is well at most kLongestLook, so
  /// that a clock that jumps, or somebody who replaces the files, is noticed.
  net::Task<base::Duration> look();

  const State& state() const { return state_; }
  const Options& options() const { return options_; }

 private:
  struct Failure {
    std::string_view event;
    base::Error error;
  };
  net::Task<base::Result<Outcome>> ask(const Held& held, const Question& question);
  base::Duration wait_for(const Pending& pending);
  net::Task<std::optional<base::Duration>> renew(const Held& held);
  net::Task<std::optional<base::Duration>> bring_into_use(const x509::Certificate& current);
  base::Result<void> note(const x509::Certificate& current);
  base::Duration until_due(const x509::Certificate& current) const;
  base::Duration fail(const Failure& failure);
  base::Duration random_part(base::Duration most);
  RenewalFiles files() const { return RenewalFiles::in(options_.folder, options_.purpose); }
  std::filesystem::path hook_mark() const;
  std::vector<base::Field> names() const;

  Options options_;
  Parts parts_;
  State state_;
  std::optional<crypto::Digest256> known_ = {};  ///< the certificate that due_ is of
  base::Instant due_ = {};
  std::pair<std::string, std::int64_t> told_ = {};  ///< the request and its approvals that were logged last
};

inline constexpr base::Duration kLongestLook = std::chrono::minutes(5);
inline constexpr base::Duration kShortestLook = std::chrono::seconds(1);

}  // namespace countersign::cli
