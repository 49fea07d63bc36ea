#include "net/turn_end.h"

#include <utility>

#include <boost/asio/post.hpp>

namespace countersign::net {

struct TurnEnd::State {
  std::function<void()> work;
  bool asked = false;
};

TurnEnd::TurnEnd(Loop& loop, std::function<void()> work) : loop_(loop), state_(std::make_shared<State>()) {
  state_->work = std::move(work);
}

TurnEnd::~TurnEnd() { state_->work = nullptr; }

/// Posted, so that it runs behind all that was ready.
void TurnEnd::ask() {
  if (std::exchange(state_->asked, true)) return;
  boost::asio::post(loop_.executor(), [state = state_] {
    state->asked = false;
    if (state->work) state->work();
  });
}

}  // namespace countersign::net
