#include "authority/api/renewal_call.h"

#include "authority/api/json.h"

namespace countersign::authority {

base::Result<Outcome> renew_held(Authority& authority, const tls::VerifiedPeer& peer, trust::Purpose wanted,
                                 std::string_view csr) {
  const trust::VerifiedChain& chain = peer.admitted().chain();
  // It was shown to us: whoever still has the one before it renews nothing more with that.
  BASE_TRY_VOID(note_seen(authority.ledger(), {peer.identity().to_urn()}, {base::to_hex(chain.leaf().fingerprint())}));
  const RenewalOrder order{.identity = peer.identity(),
                           .held = chain.purpose(),
                           .wanted = wanted,
                           .csr = csr,
                           .held_fingerprint = chain.leaf().fingerprint()};
  return authority.enrolment().renew(order);
}

Answer renew(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request) {
  BASE_TRY(const auto body, read_body({request, {}}));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string purpose_text, reader.text("purpose"));
  BASE_TRY(const std::string csr, reader.text("csr"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const trust::Purpose wanted, trust::parse_purpose(purpose_text));
  BASE_TRY(const auto outcome, renew_held(authority, peer, wanted, csr));
  return answer(outcome, authority.hierarchy());
}

}  // namespace countersign::authority
