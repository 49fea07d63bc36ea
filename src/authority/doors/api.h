// Api: the public door. One HTTP request in, one response out; the registry is only touched on the worker's thread.
#pragma once

#include "authority/api/routes.h"
#include "authority/doors/gate.h"
#include "authority/doors/issuing_desk.h"
#include "authority/doors/problem.h"
#include "net/loop.h"

namespace countersign::authority {

/// Calls that wait for the worker at most, of both listeners together, and for how long: then 503 `authority.busy`.
inline constexpr std::size_t kWaitingCalls = 256;
inline constexpr base::Duration kWaitingTime = std::chrono::seconds(10);

class Api {
 public:
  /// What both doors stand on; borrowed.
  struct Parts {
    Authority& authority;
    net::Loop& loop;
    net::Worker& worker;
    const base::Log& log;
  };
  Api(const Parts& parts, const Gate& gate)
      : parts_(parts),
        gate_(gate),
        routes_(all_routes()),
        refusals_(parts.log),
        desk_(parts.authority, parts.worker, parts.loop) {}

  /// Never fails: errors are problem+json. `caller` is borrowed until it completes; nothing in `request` says who
  /// calls.
  net::Task<http::Response> respond(http::Request request, const ApiCaller& caller);

 private:
  net::Task<base::Result<Told>> dispatch(const http::Request& request, const ApiCaller& caller);
  http::Response dress(http::Response response, const http::Request& request);
  /// On the worker, in turn with every commit: a caller who was revoked while the call waited is refused, and an
  /// Operator or Person is proved against the registry that the handler will change.
  base::Result<Told> perform(const Route& route, const Call& call, const ApiCaller& caller);
  Answer answer(const Route& route, const Call& call, const ApiCaller& caller);
  base::Result<Operator> prove_operator(const ApiCaller& caller);
  base::Result<Person> prove_person(const ApiCaller& caller);
  /// The same for the calls that certificates are asked for by.
  base::Result<Asked> begin(const Route& route, const Call& call, const ApiCaller& caller);

  Parts parts_;
  const Gate& gate_;
  std::vector<Route> routes_;
  Refusals refusals_;
  IssuingDesk desk_;
};

}  // namespace countersign::authority
