#include "gateway/upstream/upstream.h"

#include <algorithm>
#include <iterator>

namespace countersign::gateway {
namespace {

/// Of the kept connections, for one that is known to be silent. The others of one turn of the loop are newer.
constexpr std::size_t kLookedAt = 16;

/// Has it half the time left that is wanted? Whoever takes over one that has not fails with it, long before its own
/// time.
bool is_in_time(const Upstream::Attempt& attempt, net::Deadline wanted) {
  const auto now = std::chrono::steady_clock::now();
  return attempt.deadline.at - now >= (wanted.at - now) / 2;
}

}  // namespace

Upstream::Upstream(UpstreamConnector::Needs needs, std::shared_ptr<UpstreamState> state, Dice dice)
    : needs_(needs),
      state_(state),
      connector_(needs, state),
      breaker_(Breaker::make(state->settings().limits)),
      peers_(std::make_shared<UpstreamPeers>(UpstreamPeers::Needs{needs.registry, needs.clock, needs.log, state})),
      budget_(state->settings().retry_ratio, std::chrono::steady_clock::now()),
      dice_(dice) {
  refresh();
}

/// Takes over what the state says now. Kept connections to addresses that are gone end at once, those under way with
/// their request.
void Upstream::refresh() {
  const std::uint64_t version = state_->version();
  if (version == version_) return;
  version_ = version;
  if (auto credential = state_->credential(); credential != credential_) {
    credential_ = std::move(credential);
    credential_since_ = version;
  }
  std::vector<std::shared_ptr<Slot>> slots;
  for (const auto& address : *state_->addresses()) {
    const auto known = std::ranges::find_if(slots_, [&](const auto& slot) { return slot->address == address; });
    slots.push_back(known != slots_.end() ? *known : std::make_shared<Slot>(Slot{address}));
  }
  for (const auto& slot : slots_) {
    if (std::ranges::find(slots, slot) == slots.end()) give_up(*slot);
  }
  slots_ = std::move(slots);
}

void Upstream::give_up(Slot& slot) {
  slot.current = false;
  slot.idle.clear();
  for (const auto& shared : slot.shared)
    shared->wind_down();
}

void Upstream::retire() {
  for (const auto& slot : slots_)
    give_up(*slot);
}

std::shared_ptr<Upstream::Slot> Upstream::choose(const std::vector<const Slot*>& tried) {
  refresh();
  // Ejection of the only one is never heeded: what is below would come to the same.
  if (slots_.size() == 1 && tried.empty() && !slots_.front()->address->health.is_down()) return slots_.front();
  const auto now = std::chrono::steady_clock::now();
  const bool kept_only = is_full() && std::ranges::any_of(slots_, [&](const auto& slot) {
                           return slot->has_kept() && !slot->address->health.is_down() &&
                                  !slot->address->health.is_ejected(now) &&
                                  std::ranges::find(tried, slot.get()) == tried.end();
                         });
  candidates_.clear();
  for (const auto& slot : slots_) {
    const bool passed_over = kept_only && !slot->has_kept();
    candidates_.push_back({.down = slot->address->health.is_down(),
                           .ejected = slot->address->health.is_ejected(now),
                           .tried = passed_over || std::ranges::find(tried, slot.get()) != tried.end(),
                           .load = slot->active});
  }
  const auto chosen = gateway::choose(candidates_, state_->settings().panic_below, dice_);
  return chosen ? slots_[*chosen] : nullptr;
}

bool Upstream::is_down() const {
  return std::ranges::all_of(slots_, [](const auto& slot) { return slot->address->health.is_down(); });
}

bool Upstream::Slot::has_kept() const {
  return !idle.empty() || std::ranges::any_of(shared, [](const auto& one) { return one->has_room(); });
}

std::shared_ptr<SharedConnection> Upstream::find_shared(Slot& slot) {
  for (const auto& shared : slot.shared) {
    if (!may_serve(shared->peer())) shared->wind_down();
    if (shared->has_room()) return shared;
  }
  return nullptr;
}

/// One of the newest that nobody has to be asked about: the loop has looked at it since its last answer.
std::unique_ptr<UpstreamConnection> Upstream::take_known_silent(Slot& slot) const {
  const auto last = slot.idle.rbegin() + static_cast<std::ptrdiff_t>(std::min(slot.idle.size(), kLookedAt));
  const auto known =
      std::find_if(slot.idle.rbegin(), last, [](const Slot::Idle& idle) { return idle.connection->is_known_silent(); });
  if (known == last || known->until.at <= needs_.loop.turn_time()) return nullptr;
  if (!may_serve(known->connection->peer)) return nullptr;
  std::unique_ptr<UpstreamConnection> taken = std::move(known->connection);
  slot.idle.erase(std::prev(known.base()));
  return taken;
}

std::unique_ptr<UpstreamConnection> Upstream::take_idle(Slot& slot) {
  std::unique_ptr<UpstreamConnection> taken = take_known_silent(slot);
  while (taken == nullptr && !slot.idle.empty()) {
    Slot::Idle newest = std::move(slot.idle.back());
    slot.idle.pop_back();
    const bool in_time = !newest.until.passed() && may_serve(newest.connection->peer);
    if (in_time && newest.connection->is_silent()) taken = std::move(newest.connection);
  }
  if (taken != nullptr) taken->reused = true;
  return taken;
}

Breaker::Seat Upstream::take_seat() {
  Breaker::Seat seat = breaker_->take_connection();
  for (const auto& slot : slots_) {
    if (seat || !is_full()) break;
    if (slot->idle.empty()) continue;
    slot->idle.pop_front();
    seat = breaker_->take_connection();
  }
  if (seat || !is_full()) return seat;
  // One that nobody uses gives its seat back as soon as it has said goodbye.
  for (const auto& slot : slots_)
    for (const auto& shared : slot->shared) {
      if (shared->live_streams() > 0 || shared->is_ending()) continue;
      shared->wind_down();
      return seat;
    }
  return seat;
}

std::shared_ptr<Upstream::Attempt> Upstream::attempt(const std::shared_ptr<Slot>& slot, Wanted wanted) {
  while (!slot->orphans.empty()) {
    const std::shared_ptr<Attempt> orphan = slot->orphans.back().lock();
    slot->orphans.pop_back();
    if (orphan == nullptr || orphan->version < credential_since_ || !is_in_time(*orphan, wanted.deadline)) continue;
    orphan->waits = &wanted.woken;
    return orphan;
  }
  if (!may_connect(*slot)) return nullptr;
  Breaker::Seat seat = take_seat();
  if (!seat) return nullptr;
  const auto attempt = std::make_shared<Attempt>(
      Attempt{slot, std::move(seat), std::move(wanted.client), wanted.deadline, state_->version(), &wanted.woken});
  if (settings().send_proxy_header)
    attempt->client.is_gone = [of = std::weak_ptr(attempt)] {
      const auto begun = of.lock();
      return begun == nullptr || begun->waits == nullptr;
    };
  slot->connecting = true;
  net::spawn(needs_.loop, make(shared_from_this(), attempt), "upstream.connect", needs_.log);
  return attempt;
}

net::Task<void> Upstream::make(std::shared_ptr<Upstream> self, std::shared_ptr<Attempt> attempt) {
  ClientAddresses client = attempt->client;
  auto opened = co_await self->connector_.open(attempt->slot->address, std::move(client), attempt->deadline);
  attempt->slot->connecting = false;
  if (opened) attempt->outcome.emplace(self->take_over(*attempt, std::move(*opened)));
  else attempt->outcome.emplace(base::unexpected(std::move(opened).error()));
  attempt->seat = {};  // where no connection has it now
  if (attempt->waits != nullptr) {
    attempt->waits->raise();
    co_return;
  }
  std::erase_if(attempt->slot->orphans, [&](const auto& orphan) { return orphan.lock() == attempt; });
  self->keep_for_others(*attempt);
}

void Upstream::leave_attempt(const std::shared_ptr<Attempt>& attempt) {
  attempt->waits = nullptr;
  if (attempt->outcome) return keep_for_others(*attempt);
  // A PROXY header says whose a connection is: it serves nobody else.
  if (!settings().send_proxy_header) attempt->slot->orphans.push_back(attempt);
}

/// It was made, or not, for somebody who is gone.
void Upstream::keep_for_others(Attempt& attempt) {
  base::Result<Made>& outcome = *attempt.outcome;
  if (!outcome) {
    if (outcome.error().code != kGivenUp) note_failure(*attempt.slot, outcome.error().code);
    return;
  }
  if (outcome->own != nullptr) return give_back(*attempt.slot, std::move(outcome->own));
  if (!attempt.slot->current || !may_serve(outcome->shared->peer())) outcome->shared->wind_down();
  breaker_->offer();
}

base::Result<Upstream::Made> Upstream::take_over(Attempt& attempt, UpstreamConnector::Opened opened) {
  const std::shared_ptr<Slot>& slot = attempt.slot;
  slot->speaks_http1 = opened.protocol == tls::Protocol::http_1_1;
  // Who waited for a connection to share makes one of its own then.
  while (slot->speaks_http1 && state_->settings().protocol == UpstreamProtocol::any && breaker_->has_waiting())
    breaker_->offer();
  UpstreamPeer::Known known{peers_, slot->address->endpoint.to_string(), std::move(opened.chain), attempt.version};
  Made made;
  if (slot->speaks_http1) {
    made.own = std::make_unique<UpstreamConnection>(std::move(opened.stream), std::move(known), std::move(attempt.seat),
                                                    state_);
  } else {
    made.shared = SharedConnection::begin({.loop = needs_.loop,
                                           .log = needs_.log,
                                           .stream = std::move(opened.stream),
                                           .peer = std::move(known),
                                           .seat = std::move(attempt.seat),
                                           .state = state_,
                                           .waits = breaker_,
                                           .died = [self = weak_from_this(), of = std::weak_ptr(slot)] {
                                             const auto upstream = self.lock();
                                             const auto died_of = of.lock();
                                             if (upstream && died_of) upstream->note_failure(*died_of, "http.silent");
                                           }});
    slot->shared.push_back(made.shared);
  }
  // The registry may have changed since the handshake asked it.
  UpstreamPeer& peer = made.own != nullptr ? made.own->peer : made.shared->peer();
  if (peer.is_believed()) return made;
  base::Error cause{base::Kind::denied, "tls.refused", "the certificate was refused when the connection was there"};
  return base::unexpected(upstream_untrusted(std::move(cause), *peer.refusal(), settings().name));
}

net::Task<bool> Upstream::wait_for_room(net::Signal& woken, net::Deadline deadline) {
  const std::shared_ptr<UpstreamState> state = state_;
  state->counts.pending.fetch_add(1, std::memory_order_relaxed);
  const bool room = co_await breaker_->wait(woken, deadline);
  state->counts.pending.fetch_sub(1, std::memory_order_relaxed);
  co_return room;
}

void Upstream::give_back(Slot& slot, std::unique_ptr<UpstreamConnection> connection) {
  // A PROXY header says whose a connection is: it serves nobody else.
  if (!slot.current || settings().send_proxy_header || !may_serve(connection->peer)) return;
  if (slot.idle.size() >= settings().idle_connections) {
    if (slot.idle.empty()) return;
    slot.idle.pop_front();
  }
  slot.idle.push_back({std::move(connection), needs_.loop.deadline_in(settings().idle_time)});
  breaker_->offer();
}

void Upstream::note_failure(Slot& slot, std::string_view why) {
  slot.address->failures.fetch_add(1, std::memory_order_relaxed);
  const auto ejected = slot.address->health.note_failure(settings().ejection, std::chrono::steady_clock::now());
  if (!ejected) return;
  needs_.log.warning("upstream.ejected", {{"upstream", settings().name},
                                          {"address", slot.address->endpoint.to_string()},
                                          {"seconds", static_cast<double>(ejected->count()) / 1e6},
                                          {"error", why}});
}

void Upstream::sweep() {
  refresh();
  for (const auto& slot : slots_) {
    while (!slot->idle.empty() && slot->idle.front().until.passed())
      slot->idle.pop_front();
    std::erase_if(slot->shared, [](const auto& shared) { return shared->has_ended(); });
  }
  drop_unusable();
}

void Upstream::drop_unusable() {
  for (const auto& slot : slots_) {
    std::erase_if(slot->idle, [&](const Slot::Idle& idle) { return !may_serve(idle.connection->peer); });
    for (const auto& shared : slot->shared)
      if (!may_serve(shared->peer())) shared->wind_down();
  }
}

void Upstream::reconsider() {
  peers_->reconsider();
  drop_unusable();
}

void Upstream::close() {
  for (const auto& slot : slots_) {
    slot->idle.clear();
    slot->shared.clear();  // their tasks end with the loop
  }
}

}  // namespace countersign::gateway
