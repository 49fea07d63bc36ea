#include "net/turns.h"

#include <list>

#include <boost/asio/post.hpp>

#include "net/wakeup.h"

namespace countersign::net {

struct Turns::State {
  explicit State(Executor e) : executor(e) {}
  Executor executor;
  std::list<Wakeup*> queue;
  bool taken = false;  ///< somebody had a turn, and the loop has not been round since
};

namespace {

/// In the queue for as long as the frame lives.
class Place {
 public:
  Place(std::list<Wakeup*>& queue, Wakeup& wakeup) : queue_(queue), wakeup_(wakeup) { queue_.push_back(&wakeup_); }
  ~Place() { std::erase(queue_, &wakeup_); }
  Place(const Place&) = delete;

 private:
  std::list<Wakeup*>& queue_;
  Wakeup& wakeup_;
};

/// Nobody waits for a turn longer than a deadline of its own; this one only has to be finite.
constexpr base::Duration kForEver = std::chrono::hours(24);

}  // namespace

Turns::Turns(Executor executor) : state_(std::make_shared<State>(executor)) {}

std::size_t Turns::waiting() const { return state_->queue.size(); }

/// Posted, so that it runs behind all that was ready: then the next one may.
void Turns::pass_on(const std::shared_ptr<State>& state) {
  state->taken = true;
  boost::asio::post(state->executor, [state] {
    state->taken = false;
    if (state->queue.empty()) return;
    Wakeup* next = state->queue.front();
    state->queue.pop_front();
    next->wake();
    pass_on(state);
  });
}

Task<void> Turns::take() {
  const std::shared_ptr<State> state = state_;
  if (!state->taken && state->queue.empty()) {
    pass_on(state);
    co_return;
  }
  Wakeup turn(state->executor);
  const Place place(state->queue, turn);
  co_await turn.wait(Deadline::after(kForEver));
}

}  // namespace countersign::net
