// Breaker: how much of us an upstream may hold at once, so that a slow one takes neither the memory nor the connections
// that the others need: connections, requests that wait for one, requests in all. What goes beyond is refused at once.
//
// Counts for one upstream at one worker; shared with the seats it gave out. Belongs to its loop's thread.
#pragma once

#include <list>
#include <memory>

#include "net/signal.h"

namespace countersign::gateway {

class Breaker : public std::enable_shared_from_this<Breaker> {
 public:
  struct Limits {
    std::size_t connections = 1024;
    std::size_t pending = 1024;   ///< requests that wait for a connection
    std::size_t requests = 2048;  ///< under way, those that wait included
    friend bool operator==(const Limits&, const Limits&) = default;
  };
  class Seat;

  static std::shared_ptr<Breaker> make(Limits limits) { return std::shared_ptr<Breaker>(new Breaker(limits)); }

  /// A request's seat; nothing when there are too many.
  Seat take_request();
  /// A connection's seat; nothing when there are too many, or others wait in front.
  Seat take_connection();
  /// Waits until a connection or a seat for one was given back. False: nobody gave one in time, too many wait already,
  /// or whoever waits raised `woken` itself, for it waits no more. Whoever was given one goes first: until it has
  /// looked, nobody else is given a seat. Borrows `woken`, which nobody else waits for.
  net::Task<bool> wait(net::Signal& woken, net::Deadline deadline);
  /// A kept connection is there for whoever waits.
  void offer();

  bool has_waiting() const { return !waiting_.empty(); }
  std::size_t connections() const { return connections_; }
  std::size_t requests() const { return requests_; }
  std::size_t pending() const { return waiting_.size() + woken_; }

 private:
  class Place;
  explicit Breaker(Limits limits) : limits_(limits) {}

  Limits limits_;
  std::size_t connections_ = 0;
  std::size_t requests_ = 0;
  std::list<net::Signal*> waiting_;  ///< oldest first
  std::size_t woken_ = 0;            ///< of these, woken and not yet gone on
};

/// One of the counted, for as long as this lives. An empty one counts nothing: it was refused.
class Breaker::Seat {
 public:
  Seat() = default;
  ~Seat() { give_back(); }
  Seat(Seat&& other) noexcept : breaker_(std::move(other.breaker_)), count_(other.count_) {}
  Seat& operator=(Seat&& other) noexcept;
  explicit operator bool() const { return breaker_ != nullptr; }

 private:
  friend class Breaker;
  Seat(std::shared_ptr<Breaker> breaker, std::size_t& count) : breaker_(std::move(breaker)), count_(&count) { ++count; }
  void give_back();
  std::shared_ptr<Breaker> breaker_ = {};
  std::size_t* count_ = nullptr;
};

}  // namespace countersign::gateway
