// Routes of the log of certificates: checkpoints to keep, and proofs against them.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/transparency/certificate_log.h"

namespace countersign::authority {
namespace {

base::json::object to_json(const LogProof& proof) {
  base::json::array path;
  for (const crypto::Digest256& hash : proof.path)
    path.emplace_back(base::to_hex(hash));
  return {{"size", proof.head.size}, {"root", base::to_hex(proof.head.root)}, {"path", std::move(path)}};
}

/// For everybody: it says how many certificates there are, and nothing of any of them.
Answer show_checkpoint(Authority& authority, const Call&) {
  BASE_TRY(std::string note, authority.checkpoints().make(authority.ledger()));
  http::Response response;
  response.fields.add("Content-Type", "text/plain; charset=utf-8");
  response.fields.add("Cache-Control", "no-store");
  response.body = std::move(note);
  return response;
}

Answer show_verifier(Authority& authority, const Call&) {
  return answer(200, {{"verifier", authority.checkpoints().verifier().to_text()}});
}

Answer show_inclusion(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto serial, x509::Serial::parse(call.arguments[0]));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const LogProof proof, prove_inclusion(rows, serial.hex()));
  base::json::object json = to_json(proof);
  json["number"] = proof.number;
  return answer(200, json);
}

Answer show_consistency(Authority& authority, const Call& call) {
  BASE_TRY(const std::int64_t from, read_number(call.request, {"from", 0, 0, INT64_MAX}));
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const LogProof proof, prove_consistency(rows, static_cast<std::uint64_t>(from)));
  return answer(200, to_json(proof));
}

/// {"checkpoint":"..."}: one that was kept elsewhere.
Answer compare(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string checkpoint, reader.text("checkpoint"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const std::string lost, authority.checkpoints().hold_against(authority.ledger(), checkpoint));
  base::json::object json{{"intact", lost.empty()}};
  if (!lost.empty()) json["problem"] = lost;
  return answer(200, json);
}

}  // namespace

std::span<const Route> log_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/log/checkpoint", OpenHandler{show_checkpoint}},
      Route{"GET", "/v1/log/verifier", OpenHandler{show_verifier}},
      Route{"GET", "/v1/log/consistency", OpenHandler{show_consistency}},
      Route{"GET", "/v1/log/certificates/{serial}", OperatorHandler{Right::look, show_inclusion}},
      Route{"POST", "/v1/log/comparison", OperatorHandler{Right::look, compare}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
