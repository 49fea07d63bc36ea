// Task<T>: a coroutine of Countersign. One thread runs one Loop; a Task lives on the loop it was spawned on.
//
// g++ 12 destroys braced temporaries in a co_await expression twice: give every aggregate argument of a coroutine a
// name first, then std::move it. No lambda coroutine with captures; no lock or transaction across a co_await.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/time.h"
#include "net/frame_memory.h"

/// Asio would keep two frames of up to 1 KiB, and ask malloc for the others. That it lets nobody choose is why this
/// names what is not documented; where that changes, this does not compile.
template <>
inline void* boost::asio::detail::thread_info_base::allocate(awaitable_frame_tag, thread_info_base*, std::size_t size,
                                                             std::size_t) {
  return countersign::net::FrameMemory::take(size);
}
template <>
inline void boost::asio::detail::thread_info_base::deallocate(awaitable_frame_tag, thread_info_base*, void* frame,
                                                              std::size_t size) {
  countersign::net::FrameMemory::give_back(frame, size);
}

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
