// Published<T>: one immutable value that many threads read and one thread replaces.
//
// A reader keeps the value it took for as long as it holds the pointer; a replacement is seen by the next take().
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace countersign::base {

template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> value = nullptr) : value_(std::move(value)) {}

  std::shared_ptr<const T> take() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void publish(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace countersign::base
