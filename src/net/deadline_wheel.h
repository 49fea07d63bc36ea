// DeadlineWheel: many coarse deadlines on one timer, cheap enough to arm for every wait on a socket.
//
// A hashed wheel of 20 ms ticks. Arming and disarming link and unlink an entry that the caller owns: no memory, no
// system call. The timer runs only while something is armed, and is set at most once a tick.
// Belongs to its loop's thread. An entry may die before the wheel or after it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <boost/asio/basic_waitable_timer.hpp>

#include "net/link.h"
#include "net/task.h"

namespace countersign::net {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

class DeadlineWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{20};

  /// What is to happen at a deadline. Derive from it; disarms itself when it dies.
  class Entry : private Link {
   public:
    Entry() = default;
    bool armed() const { return wheel_ != nullptr; }
    void disarm() noexcept;

   protected:
    virtual ~Entry() { disarm(); }
    /// Runs on the loop, once, disarmed already; may arm and disarm any entry.
    virtual void on_deadline() noexcept = 0;

   private:
    friend class DeadlineWheel;
    DeadlineWheel* wheel_ = nullptr;
    std::uint64_t tick_ = 0;  ///< the first tick at which it is due
  };

  explicit DeadlineWheel(Executor executor);
  ~DeadlineWheel();  ///< closes it
  DeadlineWheel(const DeadlineWheel&) = delete;

  /// Disarms every entry, and arms none any more.
  void close() noexcept;
  /// Never fires early; fires at most about two ticks late. Replaces what `entry` was armed for.
  void arm(Entry& entry, Deadline deadline);

 private:
  static constexpr std::size_t kSlots = 512;  // about ten seconds a round; longer deadlines stay for another one

  std::uint64_t tick_of_now() const;
  void schedule();
  void on_tick();
  void expire(Link& slot);

  std::array<Link, kSlots> slots_;
  std::optional<Timer> timer_;  ///< none: closed
  std::chrono::steady_clock::time_point origin_;
  std::uint64_t current_ = 0;  ///< every tick up to this one has been dealt with
  std::size_t armed_ = 0;
  bool ticking_ = false;
};

}  // namespace countersign::net
