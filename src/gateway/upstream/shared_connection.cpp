#include "gateway/upstream/shared_connection.h"

namespace countersign::gateway {
namespace {

http::H2Client::Options client_options(const UpstreamSettings& settings, std::weak_ptr<Breaker> waits) {
  return {.limits = {.streams = static_cast<std::uint32_t>(settings.streams),
                     .settings_time = settings.times.connect,
                     .idle_time = settings.idle_time,
                     .write_time = settings.times.body,
                     .ping_after = settings.ping_after,
                     .ping_time = settings.ping_time},
          .changed = [waits = std::move(waits)] {
            if (const auto breaker = waits.lock()) breaker->offer();
          }};
}

}  // namespace

SharedConnection::SharedConnection(Options options)
    : log_(options.log),
      stream_(std::move(options.stream)),
      state_(std::move(options.state)),
      seat_(std::move(options.seat)),
      died_(std::move(options.died)),
      client_(options.loop, *stream_, client_options(state_->settings(), std::move(options.waits)), options.log),
      peer_(std::move(options.peer), [this] { client_.cut(); }) {
  state_->counts.connections.fetch_add(1, std::memory_order_relaxed);
}

SharedConnection::~SharedConnection() = default;

std::shared_ptr<SharedConnection> SharedConnection::begin(Options options) {
  net::Loop& loop = options.loop;
  std::shared_ptr<SharedConnection> self(new SharedConnection(std::move(options)));
  net::spawn(loop, run(self), "upstream.h2", self->log_);
  return self;
}

http::H2ClientStream SharedConnection::open() {
  ++opened_;
  return client_.open();
}

net::Task<void> SharedConnection::run(std::shared_ptr<SharedConnection> self) {
  const auto ended = co_await self->client_.run();
  self->ended_ = true;
  self->state_->counts.connections.fetch_sub(1, std::memory_order_relaxed);
  if (!ended && ended.error().code.starts_with("http."))
    self->log_.warning("upstream.http2",
                       {{"upstream", self->state_->settings().name}, {"error", base::to_string(ended.error())}});
  if (!ended && ended.error().code == "http.silent") self->died_();
  self->seat_ = {};
}

}  // namespace countersign::gateway
