#include "crypto/pkcs11_session_pool.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include <pthread.h>
#include <signal.h>

namespace countersign::crypto {
namespace {

/// How long a restart of the module waits for calls that are inside, and the end of the pool for its threads.
constexpr base::Duration kPatience = std::chrono::seconds(2);

struct Job {
  Pkcs11SessionPool::Work work;
  std::optional<base::Result<base::Bytes>> result;
  bool started = false;
  bool given_up = false;
};

/// Ends a session of the past without touching what is another's by now.
void drop(std::optional<Pkcs11Session>& session, Pkcs11Login& login, ck_rv_t why) {
  if (!session) return;
  if (is_void_session(why) || session->place().generation != login.generation()) session->abandon();
  session.reset();
}

Pkcs11Result<base::Bytes> attempt(Pkcs11Login& login, std::optional<Pkcs11Session>& session,
                                  const Pkcs11SessionPool::Work& work) {
  const std::shared_lock inside(login.in_use());
  if (session && session->place().generation != login.generation()) drop(session, login, CKR_OK);
  if (!session) {
    BASE_TRY(auto opened, login.open_session(0));
    session.emplace(std::move(opened));
  }
  auto done = work(*session);
  if (!done && loss_of(done.error().value) != Loss::none) drop(session, login, done.error().value);
  return done;
}

base::Result<base::Bytes> perform(Pkcs11Login& login, std::optional<Pkcs11Session>& session,
                                  const Pkcs11SessionPool::Work& work) {
  for (int tried = 1;; ++tried) {
    const std::uint64_t generation = login.generation();
    auto done = attempt(login, session, work);
    if (done) return std::move(*done);
    const Loss loss = loss_of(done.error().value);
    if (loss == Loss::none || tried == Pkcs11SessionPool::kTries)
      return base::unexpected(std::move(done).error().error);
    // A second loss of a session says that more is lost than that.
    if (loss == Loss::token || tried > 1) login.restart(generation, kPatience);
  }
}

/// A thread begins with the mask of the one that starts it. These take no signal, which is meant for the program.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;

 private:
  sigset_t before_{};
};

void close_idle(const std::shared_ptr<Pkcs11Login>& login, std::optional<Pkcs11Session>& session) {
  const std::shared_lock inside(login->in_use());
  drop(session, *login, CKR_OK);
}

}  // namespace

struct Pkcs11SessionPool::State {
  std::shared_ptr<Pkcs11Login> login;
  Limits limits;

  std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable work_done;  ///< also: a thread ended
  std::deque<std::shared_ptr<Job>> queue;
  std::map<std::thread::id, std::thread> running;
  std::vector<std::thread> ended;
  std::size_t idle = 0;
  std::size_t given_up = 0;  ///< threads in a call that nobody waits for any more
  bool closing = false;

  static void serve(const std::shared_ptr<State>& state);
  void do_one(std::unique_lock<std::mutex>& lock, std::optional<Pkcs11Session>& session);
  bool start_thread(const std::shared_ptr<State>& self);
  void join_ended(std::unique_lock<std::mutex>& lock);
};

void Pkcs11SessionPool::State::do_one(std::unique_lock<std::mutex>& lock, std::optional<Pkcs11Session>& session) {
  const std::shared_ptr<Job> job = queue.front();
  queue.pop_front();
  if (job->given_up) return;
  job->started = true;
  lock.unlock();
  auto result = perform(*login, session, job->work);
  lock.lock();
  if (job->given_up) --given_up;
  job->result = std::move(result);
  work_done.notify_all();
}

void Pkcs11SessionPool::State::serve(const std::shared_ptr<State>& state) {
  std::optional<Pkcs11Session> session;
  std::unique_lock lock(state->mutex);
  for (;;) {
    ++state->idle;
    state->work_came.wait_for(lock, state->limits.idle_time, [&] { return state->closing || !state->queue.empty(); });
    --state->idle;
    if (!state->queue.empty()) {
      state->do_one(lock, session);
      continue;
    }
    lock.unlock();
    close_idle(state->login, session);
    lock.lock();
    if (state->queue.empty()) break;  // otherwise work came for this thread meanwhile
  }
  const auto self = state->running.find(std::this_thread::get_id());
  if (self != state->running.end()) {
    state->ended.push_back(std::move(self->second));
    state->running.erase(self);
  }
  state->work_done.notify_all();
}

bool Pkcs11SessionPool::State::start_thread(const std::shared_ptr<State>& self) {
  const NoSignals while_it_starts;
  try {
    std::thread thread([self] { serve(self); });
    const auto id = thread.get_id();
    running.emplace(id, std::move(thread));
    return true;
  } catch (const std::system_error&) {  // the system has no thread to give
    return false;
  }
}

void Pkcs11SessionPool::State::join_ended(std::unique_lock<std::mutex>& lock) {
  std::vector<std::thread> threads = std::move(ended);
  ended.clear();
  lock.unlock();
  for (std::thread& thread : threads)
    thread.join();
  lock.lock();
}

Pkcs11SessionPool::Pkcs11SessionPool(std::shared_ptr<Pkcs11Login> login, Limits limits)
    : state_(std::make_shared<State>()) {
  state_->login = std::move(login);
  state_->limits = limits;
}

Pkcs11SessionPool::~Pkcs11SessionPool() {
  std::unique_lock lock(state_->mutex);
  state_->closing = true;
  state_->work_came.notify_all();
  state_->work_done.wait_for(lock, kPatience, [this] { return state_->running.empty(); });
  state_->join_ended(lock);
  for (auto& [id, thread] : state_->running)
    thread.detach();
  state_->running.clear();
}

base::Result<base::Bytes> Pkcs11SessionPool::run(Work work, base::Duration within) {
  const auto job = std::make_shared<Job>();
  job->work = std::move(work);
  std::unique_lock lock(state_->mutex);
  state_->join_ended(lock);
  if (state_->given_up >= state_->limits.sessions)
    return base::fail(base::Kind::unavailable, "token.busy",
                      "the token has not answered earlier calls yet: look at it, and start this program anew if it "
                      "never does");
  state_->queue.push_back(job);
  const bool wants_thread = state_->queue.size() > state_->idle && state_->running.size() < state_->limits.sessions;
  if (wants_thread && !state_->start_thread(state_) && state_->running.empty()) {
    state_->queue.pop_back();
    return base::fail(base::Kind::unavailable, "token.busy", "the system has no thread left for calls to the token");
  }
  state_->work_came.notify_one();
  if (state_->work_done.wait_for(lock, within, [&] { return job->result.has_value(); })) return std::move(*job->result);
  job->given_up = true;
  if (job->started) ++state_->given_up;
  return base::fail(base::Kind::timeout, "token.timeout", "the token does not answer in time");
}

std::size_t Pkcs11SessionPool::threads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running.size();
}

}  // namespace countersign::crypto
