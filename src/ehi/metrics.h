// Private to ehi: what /metrics says.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "ehi/lane.h"
#include "ehi/own_certificates.h"

namespace countersign::ehi {

using Lanes = std::vector<std::unique_ptr<Lane>>;

/// Prometheus text of every endpoint: calls, outcomes, sites, latency, advices; `outbox` is what waits and is dead.
std::string to_metrics(const Lanes& lanes, const std::map<std::string, outbox::Outbox::Count>& outbox);

/// Which of our certificates are used: the first, the standby, or none.
std::string to_metrics(const std::vector<OwnCertificates::Standing>& own);

}  // namespace countersign::ehi
