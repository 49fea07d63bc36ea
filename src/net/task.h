// Task<T>: a coroutine of Countersign. One thread runs one Loop; a Task lives on the loop it was spawned on.
//
// g++ 12 destroys braced temporaries in a co_await expression twice: give every aggregate argument of a coroutine a
// name first, then std::move it. No lambda coroutine with captures; no lock or transaction across a co_await.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/time.h"

namespace countersign::net {

using Executor = boost::asio::io_context::executor_type;
template <class T>
using Task = boost::asio::awaitable<T, Executor>;

/// The latest moment at which an awaited thing may still be pending, on the monotonic clock.
struct Deadline {
  std::chrono::steady_clock::time_point at;
  static Deadline after(base::Duration duration) { return {std::chrono::steady_clock::now() + duration}; }
  bool passed() const { return std::chrono::steady_clock::now() >= at; }
  static Deadline earlier(Deadline a, Deadline b) { return a.at < b.at ? a : b; }
};

}  // namespace countersign::net
