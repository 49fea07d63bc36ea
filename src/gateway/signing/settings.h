// RouteSignatures: [gateway.routes.signatures], checked: which messages of a route must be signed, by whom and how.
#pragma once

#include <optional>

#include "base/config.h"
#include "signatures/policy.h"
#include "signatures/verified_signature.h"

namespace countersign::gateway {

struct RouteSignatures {
  /// Whose Signing Certificate signs what an application sends.
  enum class Signer { application, organisation };

  bool requests = true;    ///< must be signed
  bool responses = false;  ///< are signed by us
  Signer signer = Signer::application;
  signatures::SignaturePolicy policy = {};
  base::Duration max_age = std::chrono::minutes(5);
  std::size_t content_limit = 1024 * 1024;  ///< of a request or a response: held until all of it is there
  /// Kinds that are taken besides, although they cover nothing but the content.
  std::vector<signatures::Kind> danger_content_only = {};
  std::string header;   ///< of `k=KEY, s=SIGNATURE`
  bool strips = false;  ///< the upstream does not see the fields of the signature

  bool takes(signatures::Kind kind) const;
};

/// Of one route; nothing where it has no such table. Fails: `gateway.config`, `config.*`.
base::Result<std::optional<RouteSignatures>> read_route_signatures(base::ConfigSection& route);

}  // namespace countersign::gateway
