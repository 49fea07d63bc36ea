// LinePool: the connections to partners that are kept, by endpoint and host. One is given out only while it is what we
// would make now: with our newest certificate, of a server that is still believed, and not longer than a certain time:
// then the server is judged anew.
//
// Lives on one loop.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "base/time.h"
#include "ehi/line.h"

namespace countersign::ehi {

class LinePool {
 public:
  /// At most this many connections of HTTP/1.1 wait for an endpoint and host; each, and each of HTTP/2, for at most so
  /// long.
  static constexpr std::size_t kWarmLimit = 64;
  static constexpr base::Duration kWarmTime = std::chrono::seconds(50);
  /// One that is old is used for so long still, while another one is made.
  static constexpr base::Duration kReplacing = std::chrono::seconds(30);

  LinePool(net::Loop& loop, const base::Clock& clock, const base::Log& log) : loop_(loop), clock_(clock), log_(log) {}

  /// Our certificate of that environment is another one from now on: what was made with earlier ones takes no more
  /// calls, and ends when its last one has.
  std::uint64_t begin_generation(base::Environment environment);
  /// Is that our certificate still, of which begin_generation() told?
  bool is_newest(base::Environment environment, std::uint64_t generation) const;

  /// One that nobody uses; null: none.
  std::unique_ptr<Line> take(const std::string& pool);
  /// Gives one back that may carry another call.
  void keep(std::unique_ptr<Line> line);

  /// One of HTTP/2 with room; null: none.
  std::shared_ptr<SharedLine> share(const std::string& pool);
  /// Those of its pool that are old take no more calls from now on.
  std::shared_ptr<SharedLine> add(LineTerms terms, std::unique_ptr<net::Stream> stream);
  /// Did its server choose HTTP/2 the last time?
  bool is_shared(const std::string& pool) const { return speak_h2_.contains(pool); }

  /// Closes what is not to be used any more. To be called often.
  void close_idle();
  /// Connections there are that are not an HTTP/1.1 call's own.
  std::size_t size() const;

 private:
  struct Warm {
    std::unique_ptr<Line> line;
    net::Deadline until;
  };
  bool is_good(const LineTerms& terms) const;

  net::Loop& loop_;
  const base::Clock& clock_;
  const base::Log& log_;
  std::map<base::Environment, std::uint64_t> generations_;
  std::map<std::string, std::deque<Warm>, std::less<>> warm_;  ///< newest at the back
  std::map<std::string, std::vector<std::shared_ptr<SharedLine>>, std::less<>> shared_;
  std::set<std::string> speak_h2_;
};

}  // namespace countersign::ehi
