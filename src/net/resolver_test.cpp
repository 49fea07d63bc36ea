// Names: one that hangs holds up nobody else, and what was known before serves while a lookup fails.
#include "net/resolver.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "net/loop.h"
#include "testing/run.h"

namespace countersign::net {
namespace {

using boost::asio::ip::make_address;
using boost::asio::ip::tcp;
using std::chrono::hours;
using std::chrono::milliseconds;

Deadline far() { return Deadline::after(std::chrono::seconds(60)); }
Deadline soon() { return Deadline::after(milliseconds(2)); }

/// Stands in for the system's lookup. Outlives the resolver in the threads that hang in it.
class Names {
 public:
  ~Names() { EXPECT_FALSE(hanging()) << "let_go() first"; }

  Resolver::Lookup lookup(const std::shared_ptr<Names>& self) {
    return [self](const std::string& name) { return self->look_up(name); };
  }
  void set(const std::string& name, const std::string& address) {
    const std::lock_guard lock(mutex_);
    if (address.empty()) addresses_.erase(name);
    else addresses_[name] = address;
  }
  /// From now on lookups of `name` hang until let_go().
  void hang(const std::string& name) {
    const std::lock_guard lock(mutex_);
    stuck_[name] = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    stuck_.clear();
    changed_.notify_all();
  }
  void wait_until_hanging(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hanging_ == count; });
  }
  int lookups() const {
    const std::lock_guard lock(mutex_);
    return lookups_;
  }

 private:
  bool hanging() const {
    const std::lock_guard lock(mutex_);
    return hanging_ > 0;
  }
  base::Result<Resolver::Addresses> look_up(const std::string& name) {
    std::unique_lock lock(mutex_);
    ++lookups_;
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !stuck_.contains(name); });
    --hanging_;
    changed_.notify_all();
    if (name == "throws") throw std::runtime_error("out of luck");
    const auto found = addresses_.find(name);
    if (found == addresses_.end()) return base::fail(base::Kind::unavailable, "net.resolve", "no such name");
    return Resolver::Addresses(1, tcp::endpoint(make_address(found->second), 0));
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, bool> stuck_;
  int hanging_ = 0;
  int lookups_ = 0;
};

Task<std::string> first_address(Resolver& resolver, std::string name, Deadline deadline) {
  const auto addresses = co_await resolver.resolve(std::move(name), deadline);
  co_return addresses ? addresses->front().address().to_string() : "!" + addresses.error().code;
}

Task<void> keep_address(Resolver& resolver, std::string name, Deadline deadline, std::string& into) {
  into = co_await first_address(resolver, std::move(name), deadline);
}

class Resolving : public ::testing::Test {
 protected:
  Resolving() { names_->set("good", "192.0.2.1"); }
  ~Resolving() override {
    names_->let_go();
    names_->wait_until_hanging(0);
  }
  Resolver& make(base::Duration fresh = hours(1), base::Duration stale = hours(1)) {
    Resolver::Options options;
    options.lookup = names_->lookup(names_);
    options.fresh = fresh;
    options.stale = stale;
    options.names = 3;
    return resolver_.emplace(loop_, std::move(options));
  }
  std::string resolve(const std::string& name, Deadline deadline = far()) {
    return testing::run(loop_, first_address(*resolver_, name, deadline));
  }

  const std::shared_ptr<Names> names_ = std::make_shared<Names>();
  testing::KeptLog log_;
  Loop loop_;
  std::optional<Resolver> resolver_;
};

TEST_F(Resolving, AnAddressNeedsNoLookup) {
  make();
  EXPECT_EQ(resolve("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(resolve("::1"), "::1");
  EXPECT_EQ(names_->lookups(), 0);
}

TEST_F(Resolving, AFreshAnswerIsKept) {
  make();
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  names_->set("good", "192.0.2.2");
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  EXPECT_EQ(names_->lookups(), 1);
}

TEST_F(Resolving, AnAnswerNoLongerFreshIsLookedUpAgain) {
  make(base::Duration(0));
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  names_->set("good", "192.0.2.2");
  EXPECT_EQ(resolve("good"), "192.0.2.2");
}

TEST_F(Resolving, TheLastGoodAnswerServesWhileLookupsFail) {
  make(base::Duration(0));
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  names_->set("good", "");
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  EXPECT_EQ(resolve("unknown"), "!net.resolve");
}

TEST_F(Resolving, AndWhileTheyHang) {
  make(base::Duration(0));
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  names_->hang("good");
  EXPECT_EQ(resolve("good", soon()), "192.0.2.1");
  names_->hang("unknown");
  EXPECT_EQ(resolve("unknown", soon()), "!net.timeout");
}

TEST_F(Resolving, ButNotForEver) {
  make(base::Duration(0), base::Duration(0));
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  names_->set("good", "");
  EXPECT_EQ(resolve("good"), "!net.resolve");
}

TEST_F(Resolving, AFailureIsNotKept) {
  make();
  EXPECT_EQ(resolve("late"), "!net.resolve");
  names_->set("late", "192.0.2.3");
  EXPECT_EQ(resolve("late"), "192.0.2.3");
  EXPECT_EQ(resolve("throws"), "!net.resolve");
}

TEST_F(Resolving, ANameThatHangsHoldsUpNobodyElse) {
  make();
  names_->hang("dead");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(resolve("dead", soon()), "!net.timeout");
  EXPECT_EQ(names_->lookups(), 1);
  EXPECT_EQ(resolve("good"), "192.0.2.1");
}

TEST_F(Resolving, WhoeverAsksForTheSameNameGetsTheSameAnswer) {
  make();
  names_->hang("good");
  std::string first, second;
  net::spawn(loop_, keep_address(*resolver_, "good", far(), first), "first", log_.log());
  net::spawn(loop_, keep_address(*resolver_, "good", far(), second), "second", log_.log());
  std::thread releaser([this] {
    names_->wait_until_hanging(1);
    names_->let_go();
  });
  loop_.run();
  releaser.join();
  EXPECT_EQ(first, "192.0.2.1");
  EXPECT_EQ(second, "192.0.2.1");
  EXPECT_EQ(names_->lookups(), 1);
}

TEST_F(Resolving, RemembersSoManyNamesOnly) {
  make();
  for (const char* name : {"a", "b", "c", "d"})
    names_->set(name, "192.0.2.9");
  for (const char* name : {"good", "a", "b", "c", "d"})
    resolve(name);
  EXPECT_EQ(resolve("good"), "192.0.2.1");
  EXPECT_EQ(names_->lookups(), 6);
}

TEST(ResolverAndLoop, MayDieWhileALookupHangs) {
  const auto names = std::make_shared<Names>();
  const testing::KeptLog log;
  names->hang("dead");
  std::string outcome = "nothing yet";
  {
    Loop loop;
    Resolver::Options options;
    options.lookup = names->lookup(names);
    Resolver resolver(loop, std::move(options));
    net::spawn(loop, keep_address(resolver, "dead", far(), outcome), "waiting", log.log());
    loop.post([&] {
      names->wait_until_hanging(1);
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(outcome, "nothing yet");
  names->let_go();
  names->wait_until_hanging(0);
}

TEST(LookUp, AsksTheSystem) {
  const auto here = look_up("localhost");
  ASSERT_TRUE(here);
  EXPECT_TRUE(here->front().address().is_loopback());
  EXPECT_EQ(here->front().port(), 0);
  const auto nowhere = look_up("a..b");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "net.resolve");
}

}  // namespace
}  // namespace countersign::net
