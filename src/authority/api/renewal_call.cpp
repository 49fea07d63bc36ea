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

base::Result<Asked> to_renew(Authority& authority, const tls::VerifiedPeer& peer, RenewalCall call,
                             std::function<Answer(const Outcome&)> tell) {
  BASE_TRY(auto csr, x509::Csr::parse(call.csr));
  const trust::VerifiedChain& chain = peer.admitted().chain();
  // It was shown to us: whoever still has the one before it renews nothing more with that.
  BASE_TRY_VOID(note_seen(authority.ledger(), {peer.identity().to_urn()}, {base::to_hex(chain.leaf().fingerprint())}));
  const auto find = [&authority, csr = std::move(csr), wanted = call.wanted, identity = peer.identity(),
                     held = chain.purpose(), fingerprint = chain.leaf().fingerprint()] {
    return authority.enrolment().look_up(RenewalOrder{
        .identity = identity, .held = held, .wanted = wanted, .csr = csr, .held_fingerprint = fingerprint});
  };
  return ToIssue{find, std::move(tell)};
}

base::Result<Asked> renew(Authority& authority, const tls::VerifiedPeer& peer, const http::Request& request) {
  BASE_TRY(const auto body, read_body({request, {}}));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string purpose_text, reader.text("purpose"));
  BASE_TRY(std::string csr, reader.text("csr"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const trust::Purpose wanted, trust::parse_purpose(purpose_text));
  return to_renew(authority, peer, {wanted, std::move(csr)},
                  [&authority](const Outcome& outcome) -> Answer { return answer(outcome, authority.hierarchy()); });
}

}  // namespace countersign::authority
