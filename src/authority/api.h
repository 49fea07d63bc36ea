// Api: the public door. One HTTP request in, one response out; the registry is only touched on the worker's thread.
#pragma once

#include "authority/gate.h"
#include "authority/routes.h"
#include "net/loop.h"

namespace countersign::authority {

class Api {
 public:
  /// What both doors stand on; borrowed.
  struct Parts {
    Authority& authority;
    net::Loop& loop;
    net::Worker& worker;
    const base::Log& log;
  };
  Api(const Parts& parts, const Gate& gate) : parts_(parts), gate_(gate), routes_(all_routes()) {}

  /// Never fails: errors are problem+json. `caller` is borrowed until it completes; nothing in `request` says who
  /// calls.
  net::Task<http::Response> respond(http::Request request, const ApiCaller& caller);

 private:
  using Work = std::function<Answer()>;
  /// Route, caller and rights are settled here; the work itself waits for the worker. `request` is borrowed by the
  /// work.
  base::Result<Work> prepare(const http::Request& request, const ApiCaller& caller);

  Parts parts_;
  const Gate& gate_;
  std::vector<Route> routes_;
};

}  // namespace countersign::authority
