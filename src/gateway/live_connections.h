// LiveConnections: every connection of one worker, so that a revocation acts on those already open (law 6).
#pragma once

#include <list>
#include <string>

#include "net/stream.h"
#include "tls/verified_peer.h"

namespace countersign::gateway {

/// Lives on one loop.
class LiveConnections {
 public:
  struct Entry {
    const tls::VerifiedPeer& peer;
    net::Stream& stream;
    const std::string& server_name;
    bool idle = true;  ///< between requests: may be closed at once when draining
    bool cut = false;  ///< closed by us: no second record
  };
  /// Keeps its entry for as long as it lives. The referred-to objects must outlive it.
  class Registration {
   public:
    Registration(LiveConnections& all, Entry entry);
    ~Registration();
    Registration(const Registration&) = delete;
    Entry& entry() { return *place_; }

   private:
    LiveConnections& all_;
    std::list<Entry>::iterator place_;
  };

  template <class Visit>
  void for_each(Visit visit) {
    for (Entry& entry : entries_)
      visit(entry);
  }
  std::size_t size() const { return entries_.size(); }

 private:
  std::list<Entry> entries_;
};

}  // namespace countersign::gateway
