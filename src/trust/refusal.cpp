#include "trust/refusal.h"

#include "base/bytes.h"

namespace countersign::trust {

Refusal refuse(Reason reason, const x509::Certificate& leaf, int depth, std::string detail) {
  return Refusal{.reason = reason,
                 .depth = depth,
                 .detail = std::move(detail),
                 .serial = leaf.serial().hex(),
                 .subject = leaf.subject().text,
                 .issuer = leaf.issuer().text,
                 .fingerprint = base::to_hex(leaf.fingerprint())};
}

Refusal refuse(Reason reason, std::string detail) {
  return Refusal{
      .reason = reason, .detail = std::move(detail), .serial = {}, .subject = {}, .issuer = {}, .fingerprint = {}};
}

base::Fields to_fields(const Refusal& refusal) {
  return {{"reason", name(refusal.reason)},    {"depth", refusal.depth},     {"detail", refusal.detail},
          {"serial", refusal.serial},          {"subject", refusal.subject}, {"issuer", refusal.issuer},
          {"fingerprint", refusal.fingerprint}};
}

}  // namespace countersign::trust
