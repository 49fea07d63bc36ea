// Law 3: a checked fact is a type only its checker can make. Were one of these constructors opened, this would not
// compile.
#include <optional>
#include <type_traits>

#include <gtest/gtest.h>

#include "gateway/exchange.h"
#include "gateway/signing/request_check.h"
#include "oauth/access_token.h"
#include "oauth/assertion.h"
#include "tls/handshake.h"
#include "tls/session_memory.h"

namespace countersign {
namespace {

using tls::VerifiedPeer;
using tls::VerifiedServer;
using trust::AdmittedChain;
using trust::VerifiedChain;

template <class T, class... From>
inline constexpr bool kMadeBy = std::is_constructible_v<T, From...>;

static_assert(!kMadeBy<VerifiedChain> && !kMadeBy<AdmittedChain> && !kMadeBy<VerifiedPeer> && !kMadeBy<VerifiedServer>,
              "out of nothing");
static_assert(!kMadeBy<VerifiedChain, std::vector<x509::Certificate>, trust::Purpose, std::optional<base::Identity>,
                       base::Instant>,
              "a verified chain out of certificates");
static_assert(!kMadeBy<AdmittedChain, VerifiedChain, base::Identity>, "an admitted chain without the registry");
static_assert(!kMadeBy<VerifiedPeer, AdmittedChain>, "a peer without the proof that it holds the key");
static_assert(!kMadeBy<tls::SessionOrigin, std::optional<AdmittedChain>, crypto::Digest256, base::Instant>,
              "something to come back on without a full handshake");
static_assert(!kMadeBy<VerifiedServer, VerifiedChain>, "a server without the proof that it holds the key");
static_assert(!std::is_convertible_v<AdmittedChain, VerifiedPeer> &&
              !std::is_convertible_v<VerifiedChain, VerifiedPeer>);

static_assert(!kMadeBy<policy::Permit> &&
                  !kMadeBy<policy::Permit, std::shared_ptr<const policy::Position>, policy::Now>,
              "a permit without a decision");
static_assert(!std::is_copy_constructible_v<policy::Permit> && !std::is_copy_assignable_v<policy::Permit> &&
                  !std::is_move_assignable_v<policy::Permit>,
              "one permit for two requests");
using signatures::CheckedHead;
using signatures::VerifiedSignature;
static_assert(!kMadeBy<VerifiedSignature> && !kMadeBy<VerifiedSignature, CheckedHead> &&
                  !kMadeBy<VerifiedSignature, signatures::VerificationKey>,
              "a verified signature of a head alone, or of a key");
static_assert(!kMadeBy<CheckedHead, VerifiedSignature> && !kMadeBy<CheckedHead>, "a checked head without a check");
static_assert(!kMadeBy<gateway::SignedRequest, VerifiedSignature, AdmittedChain> && !kMadeBy<gateway::SignedRequest>,
              "a signed request out of a signature and somebody's certificate");
static_assert(!kMadeBy<signatures::VerificationKey, crypto::PublicKey>, "a key for messages without its purpose");

static_assert(!kMadeBy<gateway::Exchange, gateway::ExchangeContext, gateway::ExchangeRequest> &&
                  kMadeBy<gateway::Exchange, gateway::ExchangeContext, gateway::ExchangeRequest, policy::Permit>,
              "a request goes on without asking the policy");

static_assert(!kMadeBy<oauth::VerifiedAssertion> &&
                  !kMadeBy<oauth::VerifiedAssertion, std::string, base::Instant, std::string>,
              "an assertion that nobody checked");
static_assert(!kMadeBy<oauth::CheckedToken> && !kMadeBy<oauth::CheckedToken, std::shared_ptr<const oauth::Grant>>,
              "a token without its signature");
static_assert(!kMadeBy<oauth::BoundToken> && !kMadeBy<oauth::BoundToken, oauth::CheckedToken> &&
                  !std::is_convertible_v<oauth::CheckedToken, oauth::BoundToken>,
              "a token on a connection that it is not bound to");

TEST(ProofTypes, AreMadeByTheirCheckersAlone) { SUCCEED() << "the compiler has checked it"; }

}  // namespace
}  // namespace countersign
