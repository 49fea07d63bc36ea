// First contact: a client of an authority of which nothing is known but the fingerprint of its root.
#pragma once

#include "cli/api_client.h"
#include "crypto/digest.h"

namespace countersign::cli {

/// SHA-256 in hexadecimal, upper or lower case, with or without a colon between bytes. Fails: `fingerprint.form`.
base::Result<crypto::Digest256> parse_fingerprint(std::string_view text);

/// Takes the provider's trust chain from whoever answers there and believes nothing of it but a root with that
/// fingerprint; the client returned then believes only the authority under that root. Nothing secret is sent before.
/// Fails: `trust_chain.other_root`, `trust_chain.malformed`, as ApiClient.
base::Result<ApiClient> open_api_by_fingerprint(const net::Endpoint& authority, const crypto::Digest256& root,
                                                const Context& context);

}  // namespace countersign::cli
