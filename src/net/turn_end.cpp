#include "net/turn_end.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "net/readiness.h"

namespace countersign::net {

struct TurnEnd::State {
  std::function<void()> work;
  bool asked = false;
};

TurnEnd::TurnEnd(Loop& loop, std::function<void()> work) : loop_(loop), state_(std::make_shared<State>()) {
  state_->work = std::move(work);
}

TurnEnd::~TurnEnd() { state_->work = nullptr; }

void TurnEnd::ask() {
  if (state_->asked) return;
  auto at_end = [state = state_] {
    state->asked = false;
    if (state->work) state->work();
  };
  Readiness& readiness = Readiness::of(loop_);
  if (readiness.is_telling()) readiness.after_this(std::move(at_end));
  else boost::asio::post(loop_.executor(), std::move(at_end));  // behind all that is ready
  state_->asked = true;                                         // and not before, when memory ran out on the way
}

}  // namespace countersign::net
