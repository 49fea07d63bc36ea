// UpstreamSide: the upstream's side of one exchange, whatever version of HTTP it speaks: the request out, the response
// in. ClientSide is the other one.
//
// One exchange at a time uses it, on its loop; writing the request and reading the response may go on at once.
#pragma once

#include "gateway/identity_fields.h"
#include "gateway/route_table.h"
#include "gateway/trace.h"
#include "gateway/upstream/upstream.h"
#include "policy/gate.h"

namespace countersign::gateway {

/// What the head of a request says, before the upstream's version of HTTP puts it in its own words. Borrowed.
struct RequestStart {
  /// Of its fields, only those that travel end to end go out, and none that `permit` withholds.
  const http::RequestHead& head;
  const Destination& destination;
  http::Framing framing;
  std::optional<std::uint64_t> length;
  bool wants_trailers;  ///< the client can be told some
  bool upgrades;        ///< to a WebSocket
  bool closes;          ///< the connection is to carry no other request
  const TraceContext& trace;
  const IdentityFields& identity;
  const policy::Permit& permit;

  std::string_view host() const { return head.fields.find("Host").value_or(destination.host); }
  /// Calls `take` with the name and value of each field of the client that goes on, its trace state included.
  template <class Take>
  void each_field(Take take) const {
    each_end_to_end(head.fields, [&](const http::Field& field) {
      if (!permit.withholds(field.name)) take(field.name, field.value);
    });
    if (!trace.is_continued()) return;
    for (const http::Field& field : head.fields)
      if (is_tracestate(field.name)) take(field.name, field.value);
  }
};

class UpstreamSide {
 public:
  virtual ~UpstreamSide() = default;

  /// Fails: as net::Stream; `http.unprocessed`.
  virtual net::Task<base::Result<void>> send_head(const RequestStart& start, net::Deadline deadline) = 0;
  /// A part of the body, borrowed until then; not empty.
  virtual net::Task<base::Result<void>> write(std::span<const std::uint8_t> part, net::Deadline deadline) = 0;
  /// The end of the body.
  virtual net::Task<base::Result<void>> finish(const http::Fields& trailers, net::Deadline deadline) = 0;

  virtual net::Task<base::Result<http::ResponseHead>> read_head(std::string method, net::Deadline deadline) = 0;
  virtual http::Framing framing() const = 0;
  virtual std::optional<std::uint64_t> content_length() const = 0;
  /// What has come already of a body that is not in chunks of HTTP/1.1, at most `at_most` bytes. Taken with it; the
  /// view lives until the next call.
  virtual std::string_view take_buffered_body(std::size_t at_most) = 0;
  virtual bool has_buffered() const = 0;
  virtual net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) = 0;
  virtual bool at_end_of_message() const = 0;
  virtual const http::Fields& trailers() const = 0;

  /// May the connection serve somebody else, as far as the response says?
  virtual bool may_keep() const = 0;
  /// Is it HTTP/2, where a request and its response may be streams without end?
  virtual bool is_http2() const = 0;
  /// Whoever waits fails; half a request must not look whole.
  virtual void abort() noexcept = 0;

  /// The connection below, for another protocol behind a 101; null where there is none to be had.
  virtual UpstreamConnection* connection() { return nullptr; }
};

}  // namespace countersign::gateway
