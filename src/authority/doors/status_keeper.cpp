#include "authority/doors/status_keeper.h"

namespace countersign::authority {

void StatusKeeper::report(const char* event, const base::Error& error) const {
  parts_.log.error(event, {{"error", base::to_string(error)}});
}

base::Result<void> StatusKeeper::open(const StatusUrls& urls) {
  Status& status = parts_.authority.status();
  BASE_TRY_VOID(status.open(urls));
  if (const auto provided = status.provide_responders(); !provided) report("ocsp.failed", provided.error());
  for (;;) {
    const auto made = status.publish_crls();
    if (!made) report("crl.failed", made.error());
    if (!made || *made == 0) break;
  }
  return {};
}

net::Task<bool> StatusKeeper::attempt(std::function<base::Result<void>()> work, const char* event) {
  base::Result<void> outcome;
  std::function<void()> job = [&] { outcome = work(); };
  co_await parts_.worker.run(parts_.loop, std::move(job));
  if (!outcome) report(event, outcome.error());
  co_return outcome.has_value();
}

net::Task<bool> StatusKeeper::follow() {
  std::function<base::Result<void>()> work = [this] { return parts_.authority.status().follow(); };
  co_return co_await attempt(std::move(work), "status.failed");
}

net::Task<bool> StatusKeeper::provide_responders() {
  std::function<base::Result<void>()> work = [this] { return parts_.authority.status().provide_responders(); };
  co_return co_await attempt(std::move(work), "ocsp.failed");
}

/// Some at a time, so that others have their turn at the registry in between.
net::Task<bool> StatusKeeper::make_crls() {
  std::size_t made = 0;
  std::size_t all = 0;
  do {
    std::function<base::Result<void>()> work = [this, &made]() -> base::Result<void> {
      BASE_TRY(made, parts_.authority.status().publish_crls());
      return {};
    };
    made = 0;
    if (!co_await attempt(std::move(work), "crl.failed")) co_return false;
    all += made;
  } while (made > 0 && !parts_.bell.closed());
  if (all > 0) parts_.log.info("crl.published", {{"crls", all}});
  co_return true;
}

net::Task<void> StatusKeeper::run() {
  const Status& status = parts_.authority.status();
  net::Deadline check = net::Deadline::after(kStatusCheck);
  std::optional<net::Deadline> crls;
  while (!parts_.bell.closed()) {
    const net::Deadline next = crls ? net::Deadline::earlier(check, *crls) : check;
    co_await parts_.bell.wait_beyond(status.sequence(), next);
    if (parts_.bell.closed()) co_return;
    const net::Deadline pause = net::Deadline::after(kFollowPause);
    co_await net::sleep_until(pause);
    bool good = co_await follow();
    if (status.is_behind() && !crls) crls = net::Deadline::after(kCrlPause);
    const bool checking = check.passed();
    if (checking || (crls && crls->passed())) {
      crls.reset();
      good = co_await make_crls() && good;
    }
    if (checking) good = co_await provide_responders() && good;
    if (checking) check = net::Deadline::after(kStatusCheck);
    if (good) continue;
    check = net::Deadline::after(kStatusRetry);
    const net::Deadline rest = check;
    co_await net::sleep_until(rest);
  }
}

}  // namespace countersign::authority
