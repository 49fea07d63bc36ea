// Load: the client that drives every server under measurement: mutual TLS 1.3, HTTP/1.1 or HTTP/2, no resumption.
//
// An operation counts only when its response was read whole: in TLS 1.3 a client is done before the server has judged
// its certificate. Connections come from many loopback addresses, so that ports do not run out and no cap for one
// address is what is measured.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace countersign::bench {

struct Identity {
  std::filesystem::path chain;
  std::filesystem::path key;
};

struct Load {
  enum class Each { connection, request };
  Each each = Each::connection;  ///< does every operation open a connection of its own?
  std::size_t response_bytes = 100;
  std::size_t request_bytes = 0;  ///< sent with POST where not 0
  int at_once = 16;               ///< connections
  int streams = 0;                ///< on each connection, side by side, over HTTP/2; 0: HTTP/1.1
};

struct Run {
  std::size_t operations = 0;
  std::size_t errors = 0;
  std::string first_error;
  double seconds = 0;
  std::vector<double> micros;  ///< of each operation, sorted

  double percentile(double of_100) const;
};

/// Drives 127.0.0.1:`port` for `seconds`.
Run drive(int port, const Identity& identity, const Load& load, double seconds);

/// Connections that have made one request and stay open.
class IdleConnections {
 public:
  IdleConnections(int port, const Identity& identity, const Load& one, std::size_t count);
  ~IdleConnections();
  std::size_t errors() const { return errors_; }

 private:
  struct All;
  std::unique_ptr<All> all_;
  std::size_t errors_ = 0;
};

}  // namespace countersign::bench
