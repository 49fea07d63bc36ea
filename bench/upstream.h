// Upstream: the REST service behind every gateway under measurement: one thread, HTTP/1.1, keep-alive, answers of a
// known size. GET /N answers with N bytes; any body of a request is read and dropped.
#pragma once

#include <thread>

namespace countersign::bench {

class Upstream {
 public:
  Upstream();  ///< listens on a port of 127.0.0.1
  ~Upstream();
  Upstream(const Upstream&) = delete;
  int port() const { return port_; }

 private:
  int listener_;
  int stop_;
  int port_;
  std::thread thread_;
};

}  // namespace countersign::bench
