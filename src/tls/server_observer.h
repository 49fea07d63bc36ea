// ServerObserver: told of what becomes of connections, for metrics.
#pragma once

#include <string>

#include "base/time.h"
#include "trust/reason.h"

namespace countersign::tls {

/// Told of every outcome, for metrics. Called on the server's loop.
class ServerObserver {
 public:
  virtual ~ServerObserver() = default;
  virtual void accepted() = 0;
  /// One of those accepted() came back on a session of before.
  virtual void resumed() {}
  virtual void refused(trust::Reason reason) = 0;
  /// The same, where an issuing CA of ours vouches for whose certificate it is.
  virtual void refused_partner(const std::string& organisation, trust::Reason reason) {
    (void)organisation;
    (void)reason;
  }
  /// How long an accepted handshake took, from the connection on.
  virtual void shook_hands(base::Duration took) { (void)took; }
  /// Not our verdict: the client's alert, a protocol error, a timeout, a reset.
  virtual void failed(const std::string& error_code) = 0;
  /// Over a cap: closed before its handshake was done, this one or an older one in its favour.
  virtual void shed() = 0;
  /// A live connection was cut: its peer is no longer admitted.
  virtual void cut(trust::Reason reason) = 0;
};

}  // namespace countersign::tls
