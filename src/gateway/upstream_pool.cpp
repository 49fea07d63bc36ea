#include "gateway/upstream_pool.h"

namespace countersign::gateway {

std::unique_ptr<UpstreamConnection> UpstreamPool::take_idle(const net::Endpoint& endpoint) {
  const auto found = idle_.find(endpoint);
  if (found == idle_.end()) return nullptr;
  while (!found->second.empty()) {
    Idle newest = std::move(found->second.back());
    found->second.pop_back();
    const bool silent = !newest.connection->reader.has_buffered() && !newest.connection->socket.has_unexpected_input();
    if (newest.until.passed() || !silent) continue;
    newest.connection->reused = true;
    return std::move(newest.connection);
  }
  return nullptr;
}

net::Task<base::Result<std::unique_ptr<UpstreamConnection>>> UpstreamPool::connect(net::Endpoint endpoint,
                                                                                   net::Deadline deadline) {
  net::Endpoint to = endpoint;
  auto socket = co_await net::Socket::connect(loop_, std::move(to), deadline);
  if (!socket) co_return base::unexpected(std::move(socket).error());
  co_return std::make_unique<UpstreamConnection>(std::move(*socket), std::move(endpoint));
}

void UpstreamPool::give_back(std::unique_ptr<UpstreamConnection> connection) {
  std::deque<Idle>& idle = idle_[connection->endpoint];
  if (connection->head.capacity() > kHeadMemory) connection->head = std::string();
  if (idle.size() >= kIdleLimit) idle.pop_front();
  idle.push_back({std::move(connection), net::Deadline::after(kIdleTime)});
}

void UpstreamPool::sweep() {
  for (auto& [endpoint, idle] : idle_)
    while (!idle.empty() && idle.front().until.passed())
      idle.pop_front();
}

}  // namespace countersign::gateway
