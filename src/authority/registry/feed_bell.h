// FeedBell: wakes those who wait for the next change of the trust feed, at once.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "authority/registry/ledger.h"
#include "net/loop.h"

namespace countersign::authority {

/// published() is thread-safe, all else belongs to the loop's thread. Must outlive the run of the loop.
class FeedBell final : public PublicationListener {
 public:
  explicit FeedBell(net::Loop& loop);
  ~FeedBell() override;

  void published(std::uint64_t sequence) override;
  /// `listener` is called on the loop after each publication; null: nobody.
  void on_news(std::function<void()> listener);
  /// Completes once something newer than `sequence` was published, the bell was closed, or the deadline passed.
  net::Task<void> wait_beyond(std::uint64_t sequence, net::Deadline deadline);
  /// Ends every wait, now and from now on.
  void close();
  bool closed() const;

 private:
  struct State;
  static void ring(State& state);
  net::Loop& loop_;
  std::shared_ptr<State> state_;
};

}  // namespace countersign::authority
