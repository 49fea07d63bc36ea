#include "gateway/live_connections.h"

namespace countersign::gateway {

LiveConnections::Registration::Registration(LiveConnections& all, Entry entry) : all_(all) {
  all_.entries_.push_back(entry);
  place_ = std::prev(all_.entries_.end());
}

LiveConnections::Registration::~Registration() { all_.entries_.erase(place_); }

}  // namespace countersign::gateway
