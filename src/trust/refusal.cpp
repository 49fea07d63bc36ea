#include "trust/refusal.h"

#include "base/bytes.h"

namespace countersign::trust {
namespace {

/// What a stranger's certificate may put into one field of our log, in bytes.
constexpr std::size_t kForeignText = 256;

std::string shortened(std::string text) {
  if (text.size() <= kForeignText) return text;
  text.resize(kForeignText);
  return text + "...";
}

}  // namespace

Refusal refuse(Reason reason, const x509::Certificate& leaf, int depth, std::string detail) {
  return Refusal{.reason = reason,
                 .depth = depth,
                 .detail = shortened(std::move(detail)),
                 .serial = shortened(leaf.serial().hex()),
                 .subject = shortened(leaf.subject().text),
                 .issuer = shortened(leaf.issuer().text),
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
