// OwnCommand: how this process was started, so that it can start its successor the same way: the program at the same
// path - which may be a newer one by then - with the same words.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace countersign::base {

class OwnCommand {
 public:
  /// To be asked at start, before the program's file can have been replaced. Fails: `process.unknown`.
  static Result<OwnCommand> of_this_process();
  /// Its process id. With the environment of ours and no signal blocked or ignored. Fails: `process.not_started`.
  Result<int> start() const;

 private:
  OwnCommand(std::string program, std::vector<std::string> words)
      : program_(std::move(program)), words_(std::move(words)) {}
  std::string program_;
  std::vector<std::string> words_;
};

/// Takes the end of a child process off the system's hands, if it has ended.
void forget_if_ended(int process);

}  // namespace countersign::base
