#include "authority/registry/feed_bell.h"

#include <algorithm>

#include "net/wakeup.h"

namespace countersign::authority {

struct FeedBell::State {
  std::uint64_t newest = 0;
  bool closed = false;
  std::list<net::Wakeup*> waiting;
  std::function<void()> on_news;
};

FeedBell::FeedBell(net::Loop& loop) : loop_(loop), state_(std::make_shared<State>()) {}
FeedBell::~FeedBell() = default;

void FeedBell::ring(State& state) {
  for (net::Wakeup* wakeup : state.waiting)
    wakeup->wake();
}

void FeedBell::published(std::uint64_t sequence) {
  loop_.post([state = state_, sequence] {
    state->newest = std::max(state->newest, sequence);
    if (state->on_news) state->on_news();
    ring(*state);
  });
}

void FeedBell::on_news(std::function<void()> listener) { state_->on_news = std::move(listener); }

net::Task<void> FeedBell::wait_beyond(std::uint64_t sequence, net::Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  if (state->closed || state->newest > sequence) co_return;
  net::Wakeup wakeup(loop_.executor());
  struct Place {
    std::list<net::Wakeup*>& list;
    std::list<net::Wakeup*>::iterator at;
    ~Place() { list.erase(at); }
  };
  const Place place{state->waiting, state->waiting.insert(state->waiting.end(), &wakeup)};
  co_await wakeup.wait(deadline);
}

void FeedBell::close() {
  state_->closed = true;
  ring(*state_);
}

bool FeedBell::closed() const { return state_->closed; }

}  // namespace countersign::authority
