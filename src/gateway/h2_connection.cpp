// Requests of HTTP/2: each a stream, served at once and beside the others.
#include "gateway/connection.h"
#include "gateway/h2_client_side.h"
#include "http/h2_session.h"

namespace countersign::gateway {
namespace {

using Live = LivePartner;

http::H2Limits limits_of(const GatewayConfig& config) {
  http::H2Limits limits;
  limits.head.head_time = config.request_head_time;
  limits.idle_time = config.idle_time;
  limits.write_time = config.body_time;
  return limits;
}

class H2Connection {
 public:
  H2Connection(ConnectionContext context, Live& live)
      : live_(live),
        visit_(context, live, "HTTP/2"),
        requests_(context.loop, context.log),
        session_(context.loop, *live.connection.stream, options(), context.log) {}

  net::Task<void> run() {
    live_.end = [this](tls::Ending ending) { end(ending); };
    const auto ended = co_await session_.run();
    while (!co_await requests_.wait_until_empty(net::Deadline::after(visit_.config().body_time))) {
    }
    live_.end = {};
    if (!ended) note_end(ended.error());
  }

 private:
  http::H2Session::Options options() {
    return {.limits = limits_of(visit_.config()),
            .serve = [this](http::H2Stream stream) { requests_.spawn(serve(std::move(stream)), "gateway.h2_request"); },
            .malformed = [this](const base::Error& error) { record("gateway.bad_request", error); }};
  }

  net::Task<void> serve(http::H2Stream stream) {
    live_.idle = false;
    if (visit_.is_ending()) session_.wind_down();  // one that came in while we drain
    H2ClientSide client(stream);
    if (stream.refusal()) {
      co_await visit_.refuse_unreadable(*stream.refusal(), client);
    } else {
      (void)co_await visit_.serve(stream.head(), client);
    }
    live_.idle = requests_.live() == 1;
    if (visit_.is_ending()) session_.wind_down();
  }

  /// A connection that we ended for what its client did is one record and one count; all else is how connections end.
  void note_end(const base::Error& error) {
    const auto reason = h2_refusal_of(error.code);
    if (!reason) return;
    visit_.context().metrics.h2_refused(*reason);
    record("gateway.h2_refused", error);
  }

  void record(std::string_view event, const base::Error& error) {
    visit_.context().log.info(event, {{"code", error.code},
                                      {"detail", error.detail},
                                      {"protocol", "HTTP/2"},
                                      {"application", visit_.application()},
                                      {"address", visit_.address()}});
  }

  /// Law 6, on a connection that carries many requests: all of them end when the peer is cut, none when we drain.
  void end(tls::Ending ending) {
    if (ending == tls::Ending::cut) session_.cut();
    else session_.wind_down();
  }

  Live& live_;
  Visit visit_;
  net::TaskGroup requests_;
  http::H2Session session_;
};

}  // namespace

net::Task<void> serve_h2(ConnectionContext context, LivePartner& live) {
  H2Connection connection(context, live);
  co_await connection.run();
}

}  // namespace countersign::gateway
