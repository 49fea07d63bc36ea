#include "net/waiters.h"

namespace countersign::net {

boost::asio::execution_context::id Waiters::id;

void Waiters::Place::wake() {
  if (!task_ || woken_) return;
  unlink();
  if (!waiters_.collects_) return task_.resume_on(waiters_.executor_);
  woken_ = true;
  insert_before(waiters_.woken_);
}

void Waiters::go_on() {
  collects_ = false;
  while (!woken_.is_alone()) {
    auto& place = *static_cast<Place*>(woken_.next);
    place.unlink();
    place.woken_ = false;
    place.task_.resume();  // which may destroy the place
  }
}

/// The loop dies: the executor destroys the tasks, not this function, and the rings stay as they are.
void Waiters::shutdown() {
  for (Link* ring : {&waiting_, &woken_})
    for (Link* link = ring->next; link != ring; link = link->next)
      static_cast<Place*>(link)->task_.drop();
}

}  // namespace countersign::net
