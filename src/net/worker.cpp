#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "net/loop.h"
#include "net/wakeup.h"

namespace countersign::net {
namespace {

/// Shared by the waiting frame, the job and the completion posted back. Touched on the loop's thread only.
struct Completion {
  Wakeup* waiter = nullptr;  ///< null once the frame is gone
};

struct Job {
  std::function<void()> work;
  Loop* loop = nullptr;
  std::shared_ptr<Completion> completion;
};

tl::unexpected<base::Error> busy() {
  return base::fail(base::Kind::unavailable, "worker.busy", "too much other work waits");
}

/// Forgets the waiter when its frame dies, run to its end or not.
class Registration {
 public:
  Registration(Completion& completion, Wakeup& waiter) : completion_(completion) { completion_.waiter = &waiter; }
  ~Registration() { completion_.waiter = nullptr; }
  Registration(const Registration&) = delete;

 private:
  Completion& completion_;
};

}  // namespace

struct Worker::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  bool stopping = false;
  std::thread thread;

  void serve();
  std::optional<Job> next();
  bool add(Job job, std::size_t most);
  /// False when it has begun already.
  bool drop(const Completion& completion);
};

bool Worker::State::add(Job job, std::size_t most) {
  {
    const std::lock_guard lock(mutex);
    if (jobs.size() >= most) return false;
    jobs.push_back(std::move(job));
  }
  changed.notify_one();
  return true;
}

bool Worker::State::drop(const Completion& completion) {
  const std::lock_guard lock(mutex);
  return std::erase_if(jobs, [&](const Job& job) { return job.completion.get() == &completion; }) > 0;
}

std::optional<Job> Worker::State::next() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return stopping || !jobs.empty(); });
  if (stopping) return std::nullopt;
  Job job = std::move(jobs.front());
  jobs.pop_front();
  return job;
}

void Worker::State::serve() {
  while (std::optional<Job> job = next()) {
    job->work();
    Loop& loop = *job->loop;
    loop.post([completion = std::move(job->completion)] {
      if (completion->waiter != nullptr) completion->waiter->wake();
    });
  }
}

Worker::Worker() : state_(std::make_shared<State>()) {
  state_->thread = std::thread([state = state_.get()] {
    keep_back_stop_signals();
    state->serve();
  });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_one();
  state_->thread.join();
}

std::size_t Worker::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->jobs.size();
}

Task<void> Worker::run(Loop& loop, std::function<void()> work) {
  const Deadline never{std::chrono::steady_clock::time_point::max()};
  const Patience endless{std::numeric_limits<std::size_t>::max(), never};
  (void)co_await try_run(loop, std::move(work), endless);
}

Task<base::Result<void>> Worker::try_run(Loop& loop, std::function<void()> work, Patience patience) {
  Wakeup done(loop.executor());
  const auto completion = std::make_shared<Completion>();
  const Registration registration(*completion, done);
  Job job;
  job.work = std::move(work);
  job.loop = &loop;
  job.completion = completion;
  if (!state_->add(std::move(job), patience.waiting)) co_return busy();
  if (co_await done.wait(patience.begin_by)) co_return base::Result<void>();
  if (state_->drop(*completion)) co_return busy();
  const Deadline never{std::chrono::steady_clock::time_point::max()};
  co_await done.wait(never);
  co_return base::Result<void>();
}

}  // namespace countersign::net
