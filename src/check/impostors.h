// Throw-away certificates that a partner's server must refuse, made on the spot from the provider's genuine one: what
// an attacker can make who has seen it, and never anything that the provider's CA would have to sign.
#pragma once

#include <string_view>
#include <vector>

#include "tls/context.h"

namespace countersign::check {

struct ThrowAway {
  std::string_view check;  ///< the check that it is for: "refuse.self_signed"
  base::Result<tls::Credential> credential;
};

/// `trust_chain`: the provider's root and issuing CAs, for look-alikes of them. One for each check, a failure where it
/// could not be made.
std::vector<ThrowAway> make_throw_aways(const tls::Credential& genuine,
                                        const std::vector<x509::Certificate>& trust_chain);

}  // namespace countersign::check
