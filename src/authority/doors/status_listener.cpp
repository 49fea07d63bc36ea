#include "authority/doors/status_listener.h"

#include <algorithm>

#include "authority/doors/service.h"
#include "base/process.h"
#include "http/server.h"

namespace countersign::authority {

namespace {

/// No more than its share of the files that the process may have open: the others need theirs.
tls::Admission::Limits limits() {
  const std::size_t places = std::min(kStatusConnectionLimit, connections_within(base::file_limit()));
  const std::size_t of_one = std::min(kStatusConnectionsPerAddress, places);
  return {.connections = places,
          .connections_per_address = of_one,
          .handshakes = std::max<std::size_t>(1, places / 2),
          .handshakes_per_address = std::max<std::size_t>(1, of_one / 2)};
}

}  // namespace

StatusListener::StatusListener(std::unique_ptr<net::Loop> loop, net::Listener listener, const base::Log& log)
    : loop_(std::move(loop)), listener_(std::move(listener)), log_(log), admission_(tls::Admission::make(limits())) {
  connections_.emplace(*loop_, log_);
}

StatusListener::~StatusListener() {
  loop_->stop();
  if (thread_.joinable()) thread_.join();
}

base::Result<std::unique_ptr<StatusListener>> StatusListener::bind(const net::Endpoint& at, const base::Log& log) {
  auto loop = std::make_unique<net::Loop>();
  BASE_TRY(auto listener, net::Listener::bind(*loop, {.at = at}));
  return std::unique_ptr<StatusListener>(new StatusListener(std::move(loop), std::move(listener), log));
}

void StatusListener::start(const PublishedStatus& status, const base::Clock& clock) {
  site_.emplace(status);
  clock_ = &clock;
  net::spawn(*loop_, run(), "status.accept", log_);
  thread_ = std::thread([this] {
    net::keep_back_stop_signals();
    loop_->run();
  });
}

void StatusListener::stop() {
  if (!thread_.joinable()) return;
  loop_->post([this] { net::spawn(*loop_, drain(), "status.drain", log_); });
  thread_.join();
}

net::Task<void> StatusListener::drain() {
  draining_ = true;
  listener_.close();
  const net::Deadline deadline = net::Deadline::after(kStatusDrainTime);
  (void)co_await connections_->wait_until_empty(deadline);
  loop_->stop();
}

net::Task<void> StatusListener::run() {
  std::function<void(net::Socket)> taking = [this](net::Socket socket) { take(std::move(socket)); };
  co_await net::accept_each(listener_, std::move(taking), "status", log_);
}

void StatusListener::take(net::Socket socket) {
  auto place = admission_->admit(socket.peer(), socket.hang_up());
  if (place != nullptr) return connections_->spawn(serve(std::move(socket), std::move(place)), "status.connection");
  ++shed_;
  if ((shed_ & (shed_ - 1)) != 0) return;  // ever more rarely: a flood must not fill the log too
  log_.warning("status.shed", {{"turned_away", shed_}, {"address", socket.peer().to_string()}});
}

net::Task<http::Response> StatusListener::answer(http::Request request) {
  co_return site_->respond(request, clock_->now());
}

/// Who has asked something is in nobody's way any more: the place counts as a handshake until then.
net::Task<void> StatusListener::serve(net::Socket socket, std::unique_ptr<tls::Admission::Place> place) {
  http::ServerOptions options;
  options.body_bytes = kStatusBodyLimit;
  options.idle_time = kStatusIdleTime;
  options.body_time = kStatusBodyTime;
  options.write_time = kStatusWriteTime;
  options.draining = [this] { return draining_; };
  const http::Handler handler = [this, &place](http::Request request) {
    place->end_handshake();
    return answer(std::move(request));
  };
  co_await http::serve(socket, handler, options);
}

}  // namespace countersign::authority
