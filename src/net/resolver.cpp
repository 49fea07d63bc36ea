#include "net/resolver.h"

#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include <boost/asio/ip/address.hpp>
#include <netdb.h>

#include "net/loop.h"
#include "net/wakeup.h"

namespace countersign::net {
namespace {

using Addresses = Resolver::Addresses;
using Answer = base::Result<Addresses>;
using std::chrono::steady_clock;

tl::unexpected<base::Error> cannot_resolve(const std::string& name, const std::string& reason) {
  return base::fail(base::Kind::unavailable, "net.resolve", "cannot resolve '" + name + "': " + reason);
}

/// The threads and what they are to look up. Shared with them, because one may hang in a lookup for longer than we
/// live.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  using Done = std::function<void(Answer)>;

  Pool(Loop& loop, Resolver::Lookup lookup, std::size_t threads)
      : loop_(&loop), lookup_(std::move(lookup)), most_threads_(threads) {}
  /// Looks `name` up; `done` gets the answer on the loop, unless close() comes first. False: there is no thread for it.
  bool look_up(std::string name, Done done);
  /// From now on the loop is left alone; threads end as soon as they can.
  void close();

 private:
  struct Job {
    std::string name;
    Done done;
  };
  bool start_thread();
  void serve();
  std::optional<Job> next();
  Answer call(const std::string& name) const noexcept;
  void deliver(Job job, Answer answer);

  std::mutex mutex_;
  std::condition_variable changed_;
  Loop* loop_;  ///< null once closed
  std::deque<Job> jobs_;
  const Resolver::Lookup lookup_;
  const std::size_t most_threads_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

bool Pool::look_up(std::string name, Done done) {
  const std::lock_guard lock(mutex_);
  if (idle_ <= jobs_.size() && threads_ < most_threads_ && !start_thread() && threads_ == 0) return false;
  jobs_.push_back({std::move(name), std::move(done)});
  changed_.notify_one();
  return true;
}

bool Pool::start_thread() {
  try {
    std::thread([pool = shared_from_this()] {
      keep_back_stop_signals();
      pool->serve();
    }).detach();
  } catch (const std::system_error&) {
    return false;  // the system has no thread to give
  }
  ++threads_;
  return true;
}

void Pool::close() {
  {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
    jobs_.clear();
  }
  changed_.notify_all();
}

std::optional<Pool::Job> Pool::next() {
  std::unique_lock lock(mutex_);
  ++idle_;
  changed_.wait(lock, [this] { return loop_ == nullptr || !jobs_.empty(); });
  --idle_;
  if (loop_ == nullptr) return std::nullopt;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

void Pool::serve() {
  while (std::optional<Job> job = next()) {
    Answer answer = call(job->name);
    deliver(std::move(*job), std::move(answer));
  }
}

Answer Pool::call(const std::string& name) const noexcept {
  try {
    return lookup_(name);
  } catch (const std::exception& thrown) {
    return cannot_resolve(name, thrown.what());
  }
}

void Pool::deliver(Job job, Answer answer) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  loop_->post([done = std::move(job.done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

/// A lookup under way and who waits for it.
struct Pending {
  std::vector<Wakeup*> waiting;
  std::optional<Answer> answer;
};

/// Registers a waiter for as long as its frame lives.
class Waiting {
 public:
  Waiting(Pending& pending, Wakeup& wakeup) : pending_(pending), wakeup_(wakeup) { pending.waiting.push_back(&wakeup); }
  ~Waiting() { std::erase(pending_.waiting, &wakeup_); }
  Waiting(const Waiting&) = delete;

 private:
  Pending& pending_;
  Wakeup& wakeup_;
};

struct Name {
  Addresses good;               ///< as last looked up; empty: never
  steady_clock::time_point at;  ///< when that was
  std::shared_ptr<Pending> pending = nullptr;
};

}  // namespace

struct Resolver::State : std::enable_shared_from_this<State> {
  State(Loop& l, Options o)
      : loop(l), options(std::move(o)), pool(std::make_shared<Pool>(loop, options.lookup, options.threads)) {}

  /// The last good addresses if they are younger than `age`, else null.
  const Addresses* known(const std::string& name, base::Duration age) const;
  Name& remember(const std::string& name);
  std::shared_ptr<Pending> start(const std::string& name);
  void finish(const std::string& name, Answer answer);

  Loop& loop;
  const Options options;
  const std::shared_ptr<Pool> pool;
  std::map<std::string, Name> names;
};

const Addresses* Resolver::State::known(const std::string& name, base::Duration age) const {
  const auto found = names.find(name);
  if (found == names.end() || found->second.good.empty()) return nullptr;
  return steady_clock::now() - found->second.at < age ? &found->second.good : nullptr;
}

Name& Resolver::State::remember(const std::string& name) {
  if (names.size() >= options.names && !names.contains(name))
    std::erase_if(names, [](const auto& entry) { return entry.second.pending == nullptr; });
  return names[name];
}

/// The lookup of `name` that is under way, begun now if there was none.
std::shared_ptr<Pending> Resolver::State::start(const std::string& name) {
  Name& known = remember(name);
  if (known.pending != nullptr) return known.pending;
  const auto pending = std::make_shared<Pending>();
  const bool started = pool->look_up(name, [weak = weak_from_this(), name](Answer answer) {
    if (const auto state = weak.lock()) state->finish(name, std::move(answer));
  });
  if (started) known.pending = pending;
  else pending->answer = cannot_resolve(name, "there is no thread to do it");
  return pending;
}

void Resolver::State::finish(const std::string& name, Answer answer) {
  Name& known = names[name];
  const std::shared_ptr<Pending> pending = std::exchange(known.pending, nullptr);
  if (answer && answer->empty()) answer = cannot_resolve(name, "it has no address");
  if (answer) {
    known.good = *answer;
    known.at = steady_clock::now();
  }
  pending->answer = std::move(answer);
  for (Wakeup* waiter : pending->waiting)
    waiter->wake();
}

Resolver::Resolver(Loop& loop, Options options) : state_(std::make_shared<State>(loop, std::move(options))) {}
Resolver::~Resolver() { state_->pool->close(); }

Task<base::Result<Addresses>> Resolver::resolve(std::string name, Deadline deadline) {
  boost::system::error_code error;
  const boost::asio::ip::address literal = boost::asio::ip::make_address(name, error);
  if (!error) co_return Addresses(1, boost::asio::ip::tcp::endpoint(literal, 0));

  const std::shared_ptr<State> state = state_;
  if (const Addresses* fresh = state->known(name, state->options.fresh)) co_return *fresh;
  const std::shared_ptr<Pending> pending = state->start(name);
  if (!pending->answer) {
    const auto now = steady_clock::now();
    const bool has_old = state->known(name, state->options.stale) != nullptr;
    const Deadline patience = has_old ? Deadline{now + (deadline.at - now) / 2} : deadline;
    Wakeup done(state->loop.executor());
    const Waiting waiting(*pending, done);
    co_await done.wait(patience);
  }
  if (pending->answer && *pending->answer) co_return *pending->answer;
  if (const Addresses* old = state->known(name, state->options.stale)) co_return *old;
  if (pending->answer) co_return *pending->answer;
  co_return base::fail(base::Kind::timeout, "net.timeout", "the name '" + name + "' was not resolved in time");
}

base::Result<Addresses> look_up(const std::string& name) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  addrinfo* first = nullptr;
  if (const int failure = ::getaddrinfo(name.c_str(), nullptr, &hints, &first); failure != 0)
    return cannot_resolve(name, ::gai_strerror(failure));
  Addresses addresses;
  for (const addrinfo* info = first; info != nullptr; info = info->ai_next) {
    boost::asio::ip::tcp::endpoint address;
    if (info->ai_addrlen > address.capacity()) continue;
    std::memcpy(address.data(), info->ai_addr, info->ai_addrlen);
    addresses.push_back(address);
  }
  ::freeaddrinfo(first);
  return addresses;
}

}  // namespace countersign::net
