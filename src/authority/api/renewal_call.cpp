#include "authority/api/renewal_call.h"

#include "authority/api/json.h"

namespace countersign::authority {

base::Result<Outcome> renew_held(Authority& authority, const trust::AdmittedChain& holder, trust::Purpose wanted,
                                 x509::Csr csr) {
  const trust::VerifiedChain& chain = holder.chain();
  // It was shown to us: whoever still has the one before it renews nothing more with that.
  BASE_TRY_VOID(
      note_seen(authority.ledger(), {holder.identity().to_urn()}, {base::to_hex(chain.leaf().fingerprint())}));
  const RenewalOrder order{.identity = holder.identity(),
                           .held = chain.purpose(),
                           .wanted = wanted,
                           .csr = std::move(csr),
                           .held_fingerprint = chain.leaf().fingerprint()};
  return authority.enrolment().renew(order);
}

base::Result<Outcome> renew_held(Authority& authority, const tls::VerifiedPeer& peer, trust::Purpose wanted,
                                 std::string_view csr) {
  BASE_TRY(auto request, x509::Csr::parse(csr));
  return renew_held(authority, peer.admitted(), wanted, std::move(request));
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
