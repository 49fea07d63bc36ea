// How often a log says something.
#pragma once

#include <string>

#include "base/log.h"

namespace countersign::policy {

class Lines final : public base::LogSink {
 public:
  void write(std::string_view line) override { text_ += std::string(line) + "\n"; }
  std::size_t count(const std::string& part) const {
    std::size_t count = 0;
    for (std::size_t found = text_.find(part); found != std::string::npos; found = text_.find(part, found + 1))
      ++count;
    return count;
  }

 private:
  std::string text_;
};

}  // namespace countersign::policy
