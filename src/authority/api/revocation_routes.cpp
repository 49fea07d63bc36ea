// Routes by which certificates end: one by serial, many after a look at them, and a partner's own.
#include <array>

#include "authority/api/lists.h"
#include "authority/revocation/bulk_revocation.h"

namespace countersign::authority {
namespace {

base::json::object to_json(const RevocationPlan& plan, base::Instant now) {
  base::json::array certificates;
  for (const store::CertificateRow& row : plan.certificates)
    certificates.emplace_back(authority::to_json(row, now));
  return {{"certificates", std::move(certificates)}, {"plan_sha256", plan.plan_sha256}};
}

struct NamedEnd {
  x509::Serial serial;
  std::string reason;
};

base::Result<NamedEnd> read_named_end(const Call& call) {
  BASE_TRY(auto serial, x509::Serial::parse(call.arguments[0]));
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(auto reason, reader.text("reason"));
  BASE_TRY_VOID(reader.finish());
  return NamedEnd{std::move(serial), std::move(reason)};
}

Answer revoke_certificate(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto named, read_named_end(call));
  BASE_TRY(const auto done, revoke(authority.ledger(), caller.actor(), named.serial, named.reason));
  return answer(200, to_json(done, authority.clock().now()));
}

Answer revoke_own_certificate(Authority& authority, const tls::VerifiedPeer& peer, const Call& call) {
  BASE_TRY(const auto named, read_named_end(call));
  BASE_TRY(const auto done, revoke_own(authority.ledger(), peer.identity(), named.serial, named.reason));
  return answer(200, to_json(done, authority.clock().now()));
}

base::Result<std::optional<base::Instant>> read_instant(base::JsonReader& reader, std::string_view member) {
  if (!reader.has(member)) return std::optional<base::Instant>();
  BASE_TRY(const std::string text, reader.text(member));
  BASE_TRY(const base::Instant at, base::parse_rfc3339(text));
  return std::optional(at);
}

base::Result<RevocationOrder> read_order(base::JsonReader& reader) {
  RevocationOrder order;
  BASE_TRY(order.reason, reader.text("reason"));
  BASE_TRY(order.serials, reader.texts("serials"));
  BASE_TRY(order.selection.spki_sha256, reader.text_or("spki_sha256", ""));
  BASE_TRY(order.selection.of.environment, reader.text_or("environment", ""));
  BASE_TRY(order.selection.of.organisation, reader.text_or("organisation", ""));
  BASE_TRY(order.selection.of.application, reader.text_or("application", ""));
  BASE_TRY(order.selection.issued_from, read_instant(reader, "issued_from"));
  BASE_TRY(order.selection.issued_until, read_instant(reader, "issued_until"));
  return order;
}

/// Without `plan_sha256` it is only a look.
Answer revoke_many(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const auto order, read_order(reader));
  BASE_TRY(const std::string plan_sha256, reader.text_or("plan_sha256", ""));
  BASE_TRY_VOID(reader.finish());
  Ledger& ledger = authority.ledger();
  const bool only_looks = plan_sha256.empty();
  BASE_TRY(const auto plan,
           only_looks ? plan_revocation(ledger, order) : revoke_as_planned(ledger, caller.actor(), order, plan_sha256));
  base::json::object json = to_json(plan, authority.clock().now());
  json["revoked"] = !only_looks;
  return answer(200, json);
}

}  // namespace

std::span<const Route> revocation_routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", "/v1/certificates/{serial}/revoke", OperatorHandler{Right::revoke, revoke_certificate}},
      Route{"POST", "/v1/own-certificates/{serial}/revoke", PeerHandler{revoke_own_certificate}},
      Route{"POST", "/v1/revocations", OperatorHandler{Right::revoke, revoke_many}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
