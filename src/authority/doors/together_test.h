// Calls that wait together: sent while the registry's thread is kept busy.
#pragma once

#include <future>

#include "authority/doors/doors_test.h"

namespace countersign::authority {

class Together : public Doors {
 protected:
  /// Their answers, in order.
  std::vector<base::Result<http::Response>> send_together(const net::Endpoint& to, const tls::Credential* own,
                                                          std::vector<http::Request> requests) {
    std::vector<std::unique_ptr<Waiting>> calls;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto connection = testing::run(loop, connect(to, own));
      EXPECT_TRUE(connection);
      calls.push_back(std::make_unique<Waiting>(Waiting{std::move(*connection), std::nullopt}));
    }
    std::promise<void> release;
    auto released = release.get_future();
    net::spawn(loop, hold_up(loop, worker(), released), "hold_up", log.log());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      net::spawn(loop, call(*calls[i]->connection.client, std::move(requests[i]), calls[i]->answer), "call", log.log());
      testing::run(loop, wait_for_queue(worker(), i + 1));
    }
    release.set_value();
    testing::run(loop, wait_for_all(calls));
    std::vector<base::Result<http::Response>> answers;
    for (auto& one : calls)
      answers.push_back(std::move(*one->answer));
    return answers;
  }

 private:
  struct Waiting {
    Connection connection;
    std::optional<base::Result<http::Response>> answer;
  };
  static net::Task<void> call(http::Client& client, http::Request request,
                              std::optional<base::Result<http::Response>>& into) {
    into = co_await client.send(std::move(request), soon());
  }
  static net::Task<void> hold_up(net::Loop& loop, net::Worker& worker, std::future<void>& release) {
    std::function<void()> job = [&release] { release.wait(); };
    co_await worker.run(loop, std::move(job));
  }
  static net::Task<void> wait_for_queue(net::Worker& worker, std::size_t jobs) {
    while (worker.waiting() < jobs)
      co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
  }
  static net::Task<void> wait_for_all(std::vector<std::unique_ptr<Waiting>>& calls) {
    for (const auto& one : calls)
      while (!one->answer)
        co_await net::sleep_until(net::Deadline::after(std::chrono::milliseconds(1)));
  }
};

}  // namespace countersign::authority
