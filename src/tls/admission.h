// Admission: how many connections may be there at once, in all and for one source address, so that nobody can fill the
// house and lock the others out.
//
// Connections are refused at the cap. For a new handshake the one is given up that has kept us waiting longest, of the
// same address when that has its fill, else of the address with most: a genuine client answers in milliseconds, so
// whoever says nothing is the one to go. A handshake that waits for *us* is nobody's fault, least of all when we are
// too slow for all: those keep at least half of the places, and what is begun is finished, or nothing ever would be.
// Then it is the newcomer that is refused, unless another address has more of them. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/endpoint.h"

namespace countersign::tls {

class Admission : public std::enable_shared_from_this<Admission> {
 public:
  struct Limits {
    std::size_t connections;
    std::size_t connections_per_address;
    std::size_t handshakes;
    std::size_t handshakes_per_address;
  };
  class Place;

  /// Shared with the places it gave out.
  static std::shared_ptr<Admission> make(Limits limits) { return std::shared_ptr<Admission>(new Admission(limits)); }

  /// A place for a connection from `peer`, its handshake under way and the next move its own; null when there is no
  /// room. `hang_up` ends the connection from outside; it is called at most once, and only before end_handshake().
  std::unique_ptr<Place> admit(const net::Endpoint& peer, std::function<void()> hang_up);

  std::size_t connections() const { return connections_; }
  std::size_t handshakes() const { return handshakes_; }

 private:
  using Handshakes = std::list<Place*>;  ///< oldest first
  /// Of one source; never empty.
  struct UnderWay {
    Handshakes silent;   ///< their move; in the order in which it became theirs
    Handshakes waiting;  ///< ours
    std::size_t size() const { return silent.size() + waiting.size(); }
  };
  explicit Admission(Limits limits) : limits_(limits) {}
  bool make_room(const std::string& source);
  bool give_up_one_that_waits_for_us(std::size_t newcomers);
  void forget_handshake(Place& place);

  Limits limits_;
  std::size_t connections_ = 0;
  std::size_t handshakes_ = 0;
  std::size_t silent_ = 0;  ///< of these, the next move is the client's
  std::uint64_t admitted_ = 0;
  std::unordered_map<std::string, std::size_t> connections_from_;
  std::unordered_map<std::string, UnderWay> handshakes_from_;
};

/// One connection among all, for as long as this lives.
class Admission::Place {
 public:
  ~Place();
  Place(const Place&) = delete;

  /// The handshake has come to its end, good or bad: from now on it is in nobody's way. May be called again.
  void end_handshake();
  /// The next step is ours, and waits for its turn; or we have made it, and wait for the client's.
  void our_move();
  void its_move();
  /// Was it given up for another one?
  bool was_given_up() const { return given_up_; }

 private:
  friend class Admission;
  Place(std::shared_ptr<Admission> admission, std::string source, std::function<void()> hang_up);
  void give_up();

  std::shared_ptr<Admission> admission_;
  std::string source_;
  std::function<void()> hang_up_;
  std::uint64_t number_;
  Handshakes::iterator at_;
  bool shaking_hands_ = true;
  bool silent_ = true;  ///< its move
  bool given_up_ = false;
};

/// Whose connection is it? An IPv4 address, or the /64 network of an IPv6 address: within it one host has as many
/// addresses as it likes.
std::string source_of(const net::Endpoint& peer);

}  // namespace countersign::tls
