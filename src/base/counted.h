// Counted: one more of something, for as long as this lives. The count is shared: what is counted may outlive its
// owner.
#pragma once

#include <cstddef>
#include <memory>

namespace countersign::base {

class Counted {
 public:
  explicit Counted(std::shared_ptr<std::size_t> count) : count_(std::move(count)) { ++*count_; }
  ~Counted() { --*count_; }
  Counted(const Counted&) = delete;

 private:
  std::shared_ptr<std::size_t> count_;
};

}  // namespace countersign::base
