// Server: accepts connections on one listener, runs their handshakes under caps and deadlines, hands each to its
// handler.
//
// The one place where an inbound refusal becomes its one log record (`tls.refused`) and its one count; those over a cap
// are recorded as `tls.shed` at powers of two only. Lives on one loop.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "net/network.h"
#include "net/socket.h"
#include "tls/admission.h"
#include "tls/handshake.h"
#include "tls/handshake_rate.h"
#include "tls/server_observer.h"
#include "trust/reconsideration.h"

namespace countersign::tls {

struct ServerOptions {
  std::string name;                             ///< of the listener, in log records
  std::size_t connections = 20'000;             ///< live at once, handshakes included; more are refused
  std::size_t connections_per_address = 2'000;  ///< of these, from one IPv4 address or IPv6 /64
  std::size_t handshakes = 1'024;               ///< under way at once; the oldest gives way, see admission.h
  std::size_t handshakes_per_address = 64;      ///< of these, from one IPv4 address or IPv6 /64
  base::Duration handshake_time = std::chrono::seconds(10);
  double handshakes_per_second = 200;  ///< begun by one IPv4 address or IPv6 /64, in the long run; more are refused
  double handshake_burst = 2'000;      ///< of these, at once after a pause
  /// Load balancers: a connection from one of these begins with a PROXY header (net/proxy_protocol.h), and is that of
  /// the address it names from then on: for caps, rates and records. Nobody else's header is looked at.
  net::Networks proxies = {};
  base::Duration proxy_header_time = std::chrono::seconds(5);
  /// Told of each handshake that ends with a refusal of ours, and how long it took; the observer counts them.
  std::function<void(const HandshakeFailure&, const net::Endpoint&, base::Duration)> refused = {};
};

/// Why a connection is to end: we are draining, or its peer is no longer admitted.
enum class Ending { drain, cut };

/// How a server ends: no new connections; those between requests close at `idle_until`, others as soon as their request
/// is answered; all at `deadline`.
struct Drain {
  net::Deadline deadline;
  /// A client that sends a request just when we close finds nobody. Until then it is answered, and told to close.
  net::Deadline idle_until = {};
};

/// A connection while it is served; borrowed by its handler.
template <class Peer>
struct LiveConnection {
  Connection<Peer> connection;
  bool idle = true;  ///< between requests, so it may be closed at once when draining; kept true to life by the handler
  bool cut = false;  ///< closed by us because its peer is no longer admitted
  trust::Reconsideration still_admitted = {};
  /// Set: its present request is its last one, and has until then.
  std::optional<net::Deadline> last_until = {};
  /// Set by a handler that says goodbye in its protocol's own words; called instead of aborting the stream. It sees to
  /// it that nothing more is served at once when cut, and the connection ends within a second; or that it ends with the
  /// last answer when draining.
  std::function<void(Ending)> end = {};
};

/// `Peer` is VerifiedPeer (mutual TLS) or std::optional<VerifiedPeer> (certificates verified when sent).
template <class Peer>
class Server {
 public:
  using Live = LiveConnection<Peer>;
  using Handler = std::function<net::Task<void>(Live&)>;
  /// Asked at each connection, so that new certificates and trust act at once.
  using Context = std::function<std::shared_ptr<const ServerContext>()>;
  using Doors = std::function<Entrance()>;

  /// Borrows everything; `loop` must be the listener's. `doors` is asked at each connection, too; where Peer is
  /// VerifiedPeer, all its sites are of mode `required`.
  Server(net::Loop& loop, net::Listener& listener, ServerOptions options, Doors doors, Handler handler,
         ServerObserver& observer, const base::Log& log);
  /// With one site for all names.
  Server(net::Loop& loop, net::Listener& listener, ServerOptions options, Context context, JudgeClient judge,
         Handler handler, ServerObserver& observer, const base::Log& log);

  /// Accepts until the listener is closed, and ends for no other reason (net::accept_each); connections then go on.
  net::Task<void> run();
  /// The same beside it, with another socket on the same loop; borrowed, and closed by whoever owns it.
  net::Task<void> run_at(net::Listener& listener);
  /// For connections from now on. Caps of those that are counted stay as they were made.
  void use(ServerOptions options);
  std::size_t live() const { return tasks_.live(); }

  /// Is the peer of `live` still admitted (law 6)? If not, it is cut: one record `connection.cut`, one count, closed.
  bool still_admitted(Live& live, const trust::RegistryView& registry, base::Instant at);
  /// The same for everybody.
  void reconsider(const trust::RegistryView& registry, base::Instant at);

  /// Ends those connections of which `whom` says so: idle ones at once, the others with the request they are at, or
  /// when reconsider() finds `deadline` passed.
  void dismiss(const std::function<bool(const Live&)>& whom, net::Deadline deadline);

  /// Announced on the last response of each connection. True when none had to be cut; handshakes are, with a record.
  net::Task<bool> drain(Drain how);
  net::Task<bool> drain(net::Deadline deadline) { return drain(Drain{.deadline = deadline}); }
  /// Handlers then announce that each response is the last of its connection.
  const bool& draining() const { return draining_; }

 private:
  class Entry;
  class Unfinished;
  using HangUps = std::list<std::function<void()>>;
  using Place = Admission::Place;
  void take(net::Socket socket);
  void admit(net::Socket socket);
  net::Task<void> introduce(net::Socket socket);
  bool is_proxy(const net::Endpoint& peer) const;
  net::Task<void> serve(net::Socket socket, std::unique_ptr<Place> place);
  net::Task<base::Result<Connection<Peer>, HandshakeFailure>> shake_hands(net::Socket socket, Place& place);
  /// Also while we drain, as long as idle ones are waited for: whoever accepted a connection owes it an answer.
  bool takes_new() const { return !draining_ || !idle_until_.passed(); }
  void note_shed(const net::Endpoint& address);
  void note_if_flooded(const Live& live) const;
  void report(const HandshakeFailure& failure, const net::Endpoint& address, base::Duration took) const;

  net::Listener& listener_;
  ServerOptions options_;
  Doors doors_;
  Handler handler_;
  ServerObserver& observer_;
  const base::Log& log_;
  net::TaskGroup tasks_;
  std::shared_ptr<std::list<Live*>> all_ = std::make_shared<std::list<Live*>>();  ///< these four: shared with frames
  std::shared_ptr<HangUps> unfinished_ = std::make_shared<HangUps>();  ///< of connections that no handler has yet
  std::shared_ptr<Admission> admission_;
  std::shared_ptr<std::size_t> introductions_ = std::make_shared<std::size_t>(0);  ///< under way
  HandshakeRate rate_;
  std::uint64_t shed_ = 0;
  bool draining_ = false;
  net::Deadline idle_until_ = {};  ///< while draining_
};

extern template class Server<VerifiedPeer>;
extern template class Server<std::optional<VerifiedPeer>>;

/// The fields that every record of a refusal has: trust::to_fields, then `alert`, `address`, `sni` and `listener`.
base::Fields refusal_record(const trust::Refusal& refusal, const net::Endpoint& address, const std::string& server_name,
                            const std::string& listener);

}  // namespace countersign::tls
