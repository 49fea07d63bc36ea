#include "tls/session_memory.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <openssl/ssl.h>

namespace countersign::tls {
namespace {

struct FreeSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionHandle = std::unique_ptr<SSL_SESSION, FreeSession>;

std::optional<SessionMemory::Id> id_of(const SSL_SESSION& session) {
  unsigned int size = 0;
  const unsigned char* bytes = SSL_SESSION_get_id(&session, &size);
  SessionMemory::Id id;
  if (size != id.size()) return std::nullopt;
  std::copy_n(bytes, size, id.begin());
  return id;
}

}  // namespace

struct SessionMemory::Entry {
  Id id;
  SessionHandle session;
  std::shared_ptr<const SessionOrigin> origin;
  std::list<Entries::iterator>::iterator at_holder = {};
};

std::size_t SessionMemory::Hash::operator()(const Id& id) const {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

SessionMemory::SessionMemory(Limits limits, std::shared_ptr<const Library> library, const base::Clock& clock)
    : limits_(limits), library_(std::move(library)), clock_(clock) {}

SessionMemory::~SessionMemory() = default;

base::Instant SessionMemory::end_for(const std::optional<trust::AdmittedChain>& proof) const {
  const base::Instant latest = now() + limits_.life;
  return proof ? std::min(latest, proof->chain().valid_until()) : latest;
}

/// Whose share a session counts in: a certificate's, or that of all who have none.
crypto::Digest256 SessionMemory::holder_of(const SessionOrigin& origin) {
  return origin.proof() ? origin.proof()->chain().leaf().fingerprint() : crypto::Digest256{};
}

std::size_t SessionMemory::share_of(const SessionOrigin& origin) const {
  return std::max<std::size_t>(origin.proof() ? limits_.of_one_certificate : limits_.sessions / 2, 1);
}

void SessionMemory::make_room(const SessionOrigin& origin) {
  const auto own = by_holder_.find(holder_of(origin));
  if (own != by_holder_.end() && own->second.size() >= share_of(origin)) erase(own->second.front());
  while (entries_.size() >= std::max<std::size_t>(limits_.sessions, 1))
    erase(entries_.begin());
}

void SessionMemory::keep(const SSL_SESSION& session, std::shared_ptr<const SessionOrigin> origin) {
  const auto id = id_of(session);
  if (!id || origin->until() <= now() || by_id_.contains(*id)) return;
  // A copy: libssl marks the session of a connection that ends badly as not to be resumed, and anybody who has seen a
  // session id on the wire could have that done to it.
  SessionHandle copy(SSL_SESSION_dup(&session));
  if (!copy) return;
  make_room(*origin);
  std::list<Entries::iterator>& own = by_holder_[holder_of(*origin)];
  const auto entry = entries_.insert(entries_.end(), Entry{*id, std::move(copy), std::move(origin)});
  entry->at_holder = own.insert(own.end(), entry);
  by_id_.emplace(*id, entry);
}

std::optional<SessionMemory::Found> SessionMemory::find(const Id& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  const Entries::iterator entry = found->second;
  if (entry->origin->until() > now()) return Found{entry->session.get(), entry->origin};
  erase(entry);
  return std::nullopt;
}

void SessionMemory::forget(const Id& id) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) erase(found->second);
}

void SessionMemory::sweep(const std::function<bool(const trust::AdmittedChain&)>& refused) {
  const base::Instant at = now();
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    const SessionOrigin& origin = *entry->origin;
    if (origin.until() <= at || (origin.proof() && refused(*origin.proof()))) erase(entry);
    entry = next;
  }
}

void SessionMemory::erase(Entries::iterator entry) {
  const auto own = by_holder_.find(holder_of(*entry->origin));
  own->second.erase(entry->at_holder);
  if (own->second.empty()) by_holder_.erase(own);
  by_id_.erase(entry->id);
  entries_.erase(entry);
}

}  // namespace countersign::tls
