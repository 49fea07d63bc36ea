// AccessRecords: how one worker writes its records of requests: those of one turn of its loop by one system call.
//
// Nobody whose request is recorded waits for the call. Belongs to the worker's thread.
#pragma once

#include "base/gathering_sink.h"
#include "net/turn_end.h"

namespace countersign::gateway {

/// Where the records of all workers go; borrowed.
struct RecordsOut {
  const base::Log& log;       ///< writes to what is gathered of `sink`
  base::GatheringSink& sink;  ///< of all else that is logged, too, so that the order is kept
};

class AccessRecords {
 public:
  /// Into `out`; null: into `log`, each at once.
  AccessRecords(net::Loop& loop, const base::Log& log, const RecordsOut* out)
      : log_(out == nullptr ? log : out->log), gathers_(out != nullptr), flush_(loop, [out] { out->sink.flush(); }) {}

  base::Log::Line begin(std::string_view event) const { return log_.begin(base::Level::info, event); }
  /// Written by the end of this turn.
  void write(base::Log::Line& record) {
    record.write();
    if (gathers_) flush_.ask();
  }

 private:
  const base::Log& log_;
  const bool gathers_;
  net::TurnEnd flush_;
};

}  // namespace countersign::gateway
