// Stop: set by another thread, it ends what blocks here.
#pragma once

#include <atomic>

namespace countersign::courier {

using Stop = std::atomic<bool>;

}  // namespace countersign::courier
