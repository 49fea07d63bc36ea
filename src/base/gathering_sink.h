// GatheringSink: lines to a descriptor, each at once, or some of them together by one system call.
//
// Whoever writes one line a request gives it to gathered(), and asks for flush() when nothing more comes for now. Order
// is kept: whatever is written by either way goes behind what was given before it. Thread-safe.
#pragma once

#include <mutex>
#include <string>

#include "base/log.h"

namespace countersign::base {

class GatheringSink final : public LogSink {
 public:
  /// So many bytes wait at most. A pipe takes them whole or not at all (PIPE_BUF), so that lines of several processes
  /// never mix, and none is torn by a pipe that is full.
  static constexpr std::size_t kMost = 4096;

  /// Borrows the descriptor.
  explicit GatheringSink(int descriptor) : descriptor_(descriptor), gathered_(*this) {}
  /// Nothing that was given is lost.
  ~GatheringSink() override { flush(); }

  /// Writes it now, behind what was gathered.
  void write(std::string_view line) override;
  /// Lines that wait for flush(), for a line of write(), or until there is no more room. What waits is lost with the
  /// process when that is killed.
  LogSink& gathered() { return gathered_; }
  /// Writes what waits. A descriptor that takes no more, or fails, loses it, as it loses any line.
  void flush();

 private:
  class Gathered final : public LogSink {
   public:
    explicit Gathered(GatheringSink& owner) : owner_(owner) {}
    void write(std::string_view line) override { owner_.gather(line); }

   private:
    GatheringSink& owner_;
  };

  void gather(std::string_view line);
  bool try_gather(std::string_view line);
  void take_waiting();
  void put(std::string_view first, std::string_view line, std::string_view end);

  const int descriptor_;
  bool torn_ = false;  ///< a line was begun that will not be whole: the next begins on a line of its own
  Gathered gathered_;
  std::mutex writing_;    ///< taken before gathering_
  std::string taken_;     ///< what is being written
  std::mutex gathering_;  ///< never held across a system call
  std::string waiting_;   ///< whole lines
};

}  // namespace countersign::base
