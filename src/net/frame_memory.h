// FrameMemory: where the frames of tasks have their memory from. A request makes and ends some thirty of them; one that
// ends leaves its memory to the next of its size, where malloc would look for it anew. Private to net.
//
// Each thread keeps a bounded number, most recently used first, and gives all back when it ends. A frame may end on
// another thread than it began on.
#pragma once

#include <cstddef>

namespace countersign::net {

struct FrameMemory {
  static void* take(std::size_t size);
  static void give_back(void* frame, std::size_t size) noexcept;
};

}  // namespace countersign::net
