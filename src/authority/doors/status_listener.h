// StatusListener: the authority's public, plain HTTP listener, on a thread and loop of its own, so that a flood of
// questions about status keeps nobody from issuing or revoking.
//
// It has its own caps: connections at once, and of these from one address; one that says nothing gives way to the next.
#pragma once

#include <thread>

#include "authority/status/site.h"
#include "base/log.h"
#include "net/socket.h"
#include "tls/admission.h"

namespace countersign::authority {

inline constexpr std::size_t kStatusConnectionLimit = 1024;
inline constexpr std::size_t kStatusConnectionsPerAddress = 256;
inline constexpr std::size_t kStatusBodyLimit = x509::kOcspRequestLimit;
inline constexpr base::Duration kStatusIdleTime = std::chrono::seconds(15);
inline constexpr base::Duration kStatusBodyTime = std::chrono::seconds(5);
/// For a whole CRL, however slow the reader.
inline constexpr base::Duration kStatusWriteTime = std::chrono::seconds(60);
inline constexpr base::Duration kStatusDrainTime = std::chrono::seconds(2);

class StatusListener {
 public:
  /// Binds. Fails: `net.listen`.
  static base::Result<std::unique_ptr<StatusListener>> bind(const net::Endpoint& at, const base::Log& log);
  /// Stops at once where stop() was not called.
  ~StatusListener();

  const net::Endpoint& local() const { return listener_.local(); }
  /// Starts the thread; call once. Borrows both until stop() has returned.
  void start(const PublishedStatus& status, const base::Clock& clock);
  /// Takes no more connections, lets answers under way end within kStatusDrainTime, cuts what is left. Waits for it.
  void stop();

 private:
  StatusListener(std::unique_ptr<net::Loop> loop, net::Listener listener, const base::Log& log);
  net::Task<void> run();
  net::Task<void> serve(net::Socket socket, std::unique_ptr<tls::Admission::Place> place);
  net::Task<http::Response> answer(http::Request request);
  net::Task<void> drain();
  void take(net::Socket socket);

  std::unique_ptr<net::Loop> loop_;
  net::Listener listener_;
  const base::Log& log_;
  const base::Clock* clock_ = nullptr;
  std::optional<StatusSite> site_;
  std::shared_ptr<tls::Admission> admission_;
  std::optional<net::TaskGroup> connections_;
  std::uint64_t shed_ = 0;
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace countersign::authority
