#include "tls/server.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "base/counted.h"
#include "net/proxy_protocol.h"
#include "tls/message_limit.h"
#include "tls/tls_stream.h"

namespace countersign::tls {

template <class Peer>
Server<Peer>::Server(net::Loop& loop, net::Listener& listener, ServerOptions options, Context context,
                     JudgeClient judge, Handler handler, ServerObserver& observer, const base::Log& log)
    : Server(
          loop, listener, std::move(options),
          [context = std::move(context), judge = std::move(judge)] { return Entrance::of(context(), judge); },
          std::move(handler), observer, log) {}

template <class Peer>
Server<Peer>::Server(net::Loop& loop, net::Listener& listener, ServerOptions options, Doors doors, Handler handler,
                     ServerObserver& observer, const base::Log& log)
    : listener_(listener),
      options_(std::move(options)),
      doors_(std::move(doors)),
      handler_(std::move(handler)),
      observer_(observer),
      log_(log),
      tasks_(loop, log),
      admission_(Admission::make({.connections = options_.connections,
                                  .connections_per_address = options_.connections_per_address,
                                  .handshakes = options_.handshakes,
                                  .handshakes_per_address = options_.handshakes_per_address})),
      rate_({.per_second = options_.handshakes_per_second, .burst = options_.handshake_burst}) {}

/// One connection's place among all, for as long as its frame lives.
template <class Peer>
class Server<Peer>::Entry {
 public:
  Entry(std::shared_ptr<std::list<Live*>> all, Live& live)
      : all_(std::move(all)), at_(all_->insert(all_->end(), &live)) {}
  ~Entry() { all_->erase(at_); }
  Entry(const Entry&) = delete;

 private:
  std::shared_ptr<std::list<Live*>> all_;
  typename std::list<Live*>::iterator at_;
};

/// How to end a connection that nobody serves yet, for as long as this lives.
template <class Peer>
class Server<Peer>::Unfinished {
 public:
  Unfinished(std::shared_ptr<HangUps> all, std::function<void()> hang_up)
      : all_(std::move(all)), at_(all_->insert(all_->end(), std::move(hang_up))) {}
  ~Unfinished() { all_->erase(at_); }
  Unfinished(const Unfinished&) = delete;

 private:
  std::shared_ptr<HangUps> all_;
  HangUps::iterator at_;
};

namespace {

const VerifiedPeer* peer_of(const LiveConnection<VerifiedPeer>& live) { return &live.connection.peer; }
const VerifiedPeer* peer_of(const LiveConnection<std::optional<VerifiedPeer>>& live) {
  return live.connection.peer ? &*live.connection.peer : nullptr;
}

/// After the deadline of a drain, cut connections get this long to unwind.
constexpr base::Duration kUnwindTime = std::chrono::seconds(1);
/// Between two looks for connections that have become idle since the drain began.
constexpr base::Duration kIdleLook = std::chrono::milliseconds(50);

}  // namespace

template <class Peer>
net::Task<void> Server<Peer>::run() {
  return run_at(listener_);
}

template <class Peer>
net::Task<void> Server<Peer>::run_at(net::Listener& listener) {
  std::function<void(net::Socket)> taking = [this](net::Socket socket) { take(std::move(socket)); };
  std::string name = options_.name;
  co_await net::accept_each(listener, std::move(taking), std::move(name), log_);
}

template <class Peer>
bool Server<Peer>::is_proxy(const net::Endpoint& peer) const {
  if (options_.proxies.empty()) return false;
  const auto address = net::Address::parse(peer.host);
  return address &&
         std::ranges::any_of(options_.proxies, [&](const auto& network) { return network.contains(*address); });
}

template <class Peer>
void Server<Peer>::take(net::Socket socket) {
  if (!is_proxy(socket.peer())) return admit(std::move(socket));
  // The proxy's own connections are not many; this keeps a broken one from piling up silent ones.
  if (*introductions_ >= options_.handshakes) return note_shed(socket.peer());
  tasks_.spawn(introduce(std::move(socket)), "tls.proxy_header");
}

/// A proxy says for whom its connection is; without that, or with anything doubtful in it, there is none.
template <class Peer>
net::Task<void> Server<Peer>::introduce(net::Socket socket) {
  const base::Counted counted(introductions_);
  std::optional<Unfinished> unfinished(std::in_place, unfinished_, socket.hang_up());
  const auto header = co_await net::read_proxy_header(socket, net::Deadline::after(options_.proxy_header_time));
  if (!header) {
    log_.info("tls.failed", {{"code", header.error().code},
                             {"detail", header.error().detail},
                             {"address", socket.peer().to_string()},
                             {"listener", options_.name}});
    observer_.failed(header.error().code);
    co_return;
  }
  unfinished.reset();
  if (!header->local) socket.introduce(header->source);
  if (takes_new()) admit(std::move(socket));
}

template <class Peer>
void Server<Peer>::admit(net::Socket socket) {
  if (!rate_.spend(source_of(socket.peer()), std::chrono::steady_clock::now())) return note_shed(socket.peer());
  auto place = admission_->admit(socket.peer(), socket.hang_up());
  if (place == nullptr) note_shed(socket.peer());
  else tasks_.spawn(serve(std::move(socket), std::move(place)), "tls.connection");
}

template <class Peer>
net::Task<base::Result<Connection<Peer>, HandshakeFailure>> Server<Peer>::shake_hands(net::Socket socket,
                                                                                      Place& place) {
  const net::Deadline deadline = net::Deadline::after(options_.handshake_time);
  Entrance entrance = doors_();
  // Whoever is refused lingers to read our alert, and is in nobody's way meanwhile.
  entrance.refused = [&place] { place.end_handshake(); };
  entrance.our_move = [&place] { place.our_move(); };
  entrance.its_move = [&place] { place.its_move(); };
  if constexpr (std::is_same_v<Peer, VerifiedPeer>)
    co_return co_await Handshake::accept(std::move(socket), std::move(entrance), deadline);
  else co_return co_await Handshake::accept_at(std::move(socket), std::move(entrance), deadline);
}

template <class Peer>
net::Task<void> Server<Peer>::serve(net::Socket socket, std::unique_ptr<Place> place) {
  const net::Endpoint address = socket.peer();
  const auto begun = std::chrono::steady_clock::now();
  std::optional<Unfinished> unfinished(std::in_place, unfinished_, socket.hang_up());
  auto connection = co_await shake_hands(std::move(socket), *place);
  const auto took = std::chrono::duration_cast<base::Duration>(std::chrono::steady_clock::now() - begun);
  place->end_handshake();
  unfinished.reset();
  if (place->was_given_up()) {
    note_shed(address);
    co_return;
  }
  if (!connection) {
    report(connection.error(), address, took);
    co_return;
  }
  observer_.accepted();
  if (connection->resumed) observer_.resumed();
  observer_.shook_hands(took);
  Live live{std::move(*connection)};
  const Entry entry(all_, live);
  if (takes_new()) co_await handler_(live);
  note_if_flooded(live);
}

template <class Peer>
void Server<Peer>::note_if_flooded(const Live& live) const {
  const auto* stream = dynamic_cast<const TlsStream*>(live.connection.stream.get());
  if (stream == nullptr || !stream->was_flooded()) return;
  const base::Error why = flooded();
  log_.warning(why.code, {{"detail", why.detail},
                          {"address", stream->peer().to_string()},
                          {"sni", live.connection.server_name},
                          {"listener", options_.name}});
}

template <class Peer>
void Server<Peer>::note_shed(const net::Endpoint& address) {
  observer_.shed();
  ++shed_;
  if ((shed_ & (shed_ - 1)) != 0) return;  // ever more rarely: a flood must not fill the log too
  log_.warning("tls.shed", {{"turned_away", shed_},
                            {"connections", admission_->connections()},
                            {"handshakes", admission_->handshakes()},
                            {"address", address.to_string()},
                            {"listener", options_.name}});
}

template <class Peer>
bool Server<Peer>::still_admitted(Live& live, const trust::RegistryView& registry, base::Instant at) {
  if (live.cut) return false;
  const VerifiedPeer* peer = peer_of(live);
  if (peer == nullptr) return true;
  const auto refusal = live.still_admitted.of(peer->admitted(), registry, at);
  if (!refusal) return true;
  live.cut = true;
  const net::Endpoint& address = live.connection.stream->peer();
  log_.warning("connection.cut", refusal_record(*refusal, address, live.connection.server_name, options_.name));
  observer_.cut(refusal->reason);
  if (live.end) live.end(Ending::cut);
  else live.connection.stream->cut();
  return false;
}

template <class Peer>
void Server<Peer>::reconsider(const trust::RegistryView& registry, base::Instant at) {
  for (Live* live : *all_)
    if (still_admitted(*live, registry, at) && live->last_until && live->last_until->passed())
      live->connection.stream->abort();
}

template <class Peer>
void Server<Peer>::use(ServerOptions options) {
  const bool same_rate = options.handshakes_per_second == options_.handshakes_per_second &&
                         options.handshake_burst == options_.handshake_burst;
  options_ = std::move(options);
  if (!same_rate)
    rate_ = HandshakeRate({.per_second = options_.handshakes_per_second, .burst = options_.handshake_burst});
}

template <class Peer>
void Server<Peer>::dismiss(const std::function<bool(const Live&)>& whom, net::Deadline deadline) {
  for (Live* live : *all_) {
    if (live->last_until || live->cut || !whom(*live)) continue;
    live->last_until = deadline;
    if (live->end) live->end(Ending::drain);
    else if (live->idle) live->connection.stream->abort();
  }
}

template <class Peer>
net::Task<bool> Server<Peer>::drain(Drain how) {
  draining_ = true;
  idle_until_ = how.idle_until;
  listener_.close();
  for (Live* live : *all_)
    if (live->end) live->end(Ending::drain);
  if (!how.idle_until.passed()) (void)co_await tasks_.wait_until_empty(how.idle_until);
  for (Live* live : *all_)
    if (live->end) live->end(Ending::drain);
  // One that answered just as we began has not told its client that it was the last time: it is idle only now.
  for (bool late = false; !late;) {
    for (Live* live : *all_)
      if (live->idle && !live->end) live->connection.stream->abort();
    late = how.deadline.passed();
    if (co_await tasks_.wait_until_empty(net::Deadline::earlier(how.deadline, net::Deadline::after(kIdleLook))))
      co_return true;
  }
  log_.warning("tls.drain_cut", {{"connections", all_->size()}, {"listener", options_.name}});
  for (Live* live : *all_)
    live->connection.stream->abort();
  // Handshakes end now, too, and so does the lingering of those that were refused: each is recorded when it has ended.
  for (const auto& hang_up : *unfinished_)
    hang_up();
  (void)co_await tasks_.wait_until_empty(net::Deadline::after(kUnwindTime));
  co_return false;
}

template <class Peer>
void Server<Peer>::report(const HandshakeFailure& failure, const net::Endpoint& address, base::Duration took) const {
  if (failure.refusal) {
    log_.warning("tls.refused", refusal_record(*failure.refusal, address, failure.server_name, options_.name));
    observer_.refused(failure.refusal->reason);
    if (!failure.refusal->organisation.empty())
      observer_.refused_partner(failure.refusal->organisation, failure.refusal->reason);
    if (options_.refused) options_.refused(failure, address, took);
    return;
  }
  log_.info("tls.failed", {{"code", failure.error.code},
                           {"detail", failure.error.detail},
                           {"address", address.to_string()},
                           {"sni", failure.server_name},
                           {"listener", options_.name}});
  observer_.failed(failure.error.code);
}

base::Fields refusal_record(const trust::Refusal& refusal, const net::Endpoint& address, const std::string& server_name,
                            const std::string& listener) {
  base::Fields fields = trust::to_fields(refusal);
  fields.emplace_back("alert", name(to_alert(refusal.reason)));
  fields.emplace_back("address", address.to_string());
  fields.emplace_back("sni", server_name);
  fields.emplace_back("listener", listener);
  return fields;
}

template class Server<VerifiedPeer>;
template class Server<std::optional<VerifiedPeer>>;

}  // namespace countersign::tls
