// A small HTTP/1.1 client for APIs: one request after another on one stream.
#pragma once

#include "http/h1_reader.h"
#include "net/stream.h"

namespace countersign::http {

struct ClientOptions {
  std::string host;                               ///< the Host field
  std::size_t response_bytes = 64 * 1024 * 1024;  ///< a larger body fails
};

class Client {
 public:
  /// Borrows `stream`.
  Client(net::Stream& stream, ClientOptions options);

  /// Sends `request` (Host and Content-Length are written here) and reads the whole answer. Fails:
  /// `http.response_too_large`, `http.malformed` also for 101, and as H1Reader and the stream. After a failure the
  /// connection is not to be used again.
  net::Task<base::Result<Response>> send(Request request, net::Deadline deadline);
  /// May another request follow on this connection?
  bool reusable() const;

 private:
  net::Task<base::Result<ResponseHead>> exchange(Request request, net::Deadline deadline);
  net::Task<base::Result<std::string>> read_body(net::Deadline deadline);

  net::Stream& stream_;
  ClientOptions options_;
  H1Reader reader_;
  bool reusable_ = true;
};

}  // namespace countersign::http
