// An answer that the gateway itself gives: nobody behind it was asked, or nobody answered.
#pragma once

#include <string>

#include "gateway/client_side.h"

namespace countersign::gateway {

struct OwnAnswer {
  http::Response response;
  const http::RequestHead& head;  ///< of the request: HEAD gets no body, gRPC its own words
  bool close_after = false;       ///< we want no further request
};

/// Writes it with its framing. True when another request may follow: the request was read to its end, the client allows
/// it, and every byte went out.
net::Task<bool> write_own_answer(ClientSide& client, OwnAnswer answer, net::Deadline deadline);

}  // namespace countersign::gateway
