// What most sources include, for COUNTERSIGN_PCH.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

// clang instantiates templates once for the precompiled header, so what is heavy in them belongs here; g++ does not, and
// only pays for loading more.
#ifdef __clang__
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#endif
