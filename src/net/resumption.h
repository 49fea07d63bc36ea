// Resumption: a suspended task, kept where it waits, without memory of its own. Private to net.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include <boost/asio/defer.hpp>

#include "net/task.h"

namespace countersign::net {

/// Holds what Asio gives as the handler of an operation without result. Dropped unused, it destroys the task's frames.
class Resumption {
 public:
  Resumption() = default;
  Resumption(const Resumption&) = delete;
  ~Resumption() { drop(); }

  explicit operator bool() const { return use_ != nullptr; }
  /// Only while it is empty.
  template <class Handler>
  void keep(Handler handler) {
    static_assert(sizeof(Handler) <= kRoom && alignof(Handler) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Handler>);
    new (room_.data()) Handler(std::move(handler));
    use_ = &use<Handler>;
  }
  /// Goes on with the task before it returns, which may destroy this object.
  void resume() { take(How::now, nullptr); }
  /// Has `executor` go on with it soon.
  void resume_on(Executor executor) { take(How::soon, &executor); }
  void drop() {
    if (use_ != nullptr) take(How::never, nullptr);
  }

 private:
  static constexpr std::size_t kRoom = 2 * sizeof(void*);
  enum class How { now, soon, never };
  using Use = void (*)(std::byte* room, How how, const Executor* executor);

  void take(How how, const Executor* executor) { std::exchange(use_, nullptr)(room_.data(), how, executor); }

  template <class Handler>
  static void use(std::byte* room, How how, const Executor* executor) {
    auto* const kept = std::launder(reinterpret_cast<Handler*>(room));
    Handler handler(std::move(*kept));
    kept->~Handler();
    if (how == How::now) std::move(handler)();
    else if (how == How::soon) boost::asio::defer(*executor, std::move(handler));
  }

  alignas(std::max_align_t) std::array<std::byte, kRoom> room_;
  Use use_ = nullptr;
};

}  // namespace countersign::net
