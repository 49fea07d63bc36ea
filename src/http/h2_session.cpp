#include "http/h2_session.h"

#include "http/h2_core.h"
#include "http/h2_run.h"

namespace countersign::http {

struct H2Session::Parts {
  std::shared_ptr<H2Core> core;
  H2Run run;
};

H2Session::H2Session(net::Loop& loop, net::Stream& stream, Options options, const base::Log& log) {
  const base::Duration write_time = options.limits.write_time;
  auto core = std::make_shared<H2Core>(loop, options.limits,
                                       H2Core::Owner{std::move(options.serve), std::move(options.malformed)});
  parts_.reset(new Parts{core, H2Run(loop, stream, core, write_time, log)});
}

H2Session::~H2Session() = default;

net::Task<base::Result<void>> H2Session::run() { return parts_->run.run(); }
void H2Session::wind_down() { parts_->core->wind_down(); }
void H2Session::cut() { parts_->run.cut(); }
std::size_t H2Session::live_streams() const { return parts_->core->live(); }

}  // namespace countersign::http
