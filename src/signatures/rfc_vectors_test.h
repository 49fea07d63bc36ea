// The keys and messages of RFC 9421, appendix B, for tests of this module.
#pragma once

#include "base/json.h"
#include "crypto/pem.h"
#include "signatures/http_signature.h"
#include "signatures/verification_key.h"

namespace countersign::signatures {

// Public keys of published examples, given there as these texts.
inline constexpr std::string_view kTestKeyRsaPss =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\n"
    "+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\n"
    "oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\n"
    "gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\n"
    "Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\n"
    "aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\n"
    "2wIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
/// B.1.1 has it as RSAPublicKey; this is the same in a SubjectPublicKeyInfo.
inline constexpr std::string_view kTestKeyRsa =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"
    "MIIBCgKCAQEAhAKYdtoeoy8zcAcR874L8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrw\n"
    "WEBnez6d0UDKDwGbc6nxfEXAy5mbhgajzrw3MOEt8uA5txSKobBpKDeBLOsdJKFq\n"
    "MGmXCQvEG7YemcxDTRPxAleIAgYYRjTSd/QBwVW9OwNFhekro3RtlinV0a75jfZg\n"
    "kne/YiktSvLG34lw2zqXBDTC5NHROUqGTlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0P\n"
    "uKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dSFFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQ\n"
    "PSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ10wIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr std::string_view kTestKeyP256 =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n"
    "w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n"
    "-----END PUBLIC KEY-----\n";
inline constexpr std::string_view kTestKeyEd25519 =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n"
    "-----END PUBLIC KEY-----\n";
/// Ed25519 and PKCS#1 v1.5 sign the same way each time: these are made again. Published as an example, worth nothing.
inline constexpr std::string_view kTestKeyEd25519Private =
    "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";

inline VerificationKey key_of_pem(std::string_view pem) {
  const auto blocks = crypto::pem_blocks(pem, {"PUBLIC KEY"}).value();
  return VerificationKey::of(jose::Jwk::from(crypto::PublicKey::from_spki(blocks.front()).value()).value());
}

inline base::Result<VerificationKey, Refusal> find_rfc_key(std::string_view keyid) {
  if (keyid == "test-key-rsa-pss") return key_of_pem(kTestKeyRsaPss);
  if (keyid == "test-key-rsa") return key_of_pem(kTestKeyRsa);
  if (keyid == "test-key-ecc-p256") return key_of_pem(kTestKeyP256);
  if (keyid == "test-key-ed25519") return key_of_pem(kTestKeyEd25519);
  return base::unexpected(refuse(Reason::unknown_key, "no such key", keyid));
}

/// 2021-04-20T02:07:53Z, when most of the examples were signed.
inline constexpr base::Instant kRfcNow = base::Instant::from_unix_seconds(1'618'884'473);

inline http::Fields fields_of(std::initializer_list<http::Field> list) {
  http::Fields fields;
  for (const http::Field& field : list)
    fields.add(field.name, field.value);
  return fields;
}

/// B.2's request: POST /foo?param=Value&Pet=dog with {"hello": "world"}.
inline http::Fields rfc_request_fields() {
  return fields_of(
      {{"Host", "example.com"},
       {"Date", "Tue, 20 Apr 2021 02:07:55 GMT"},
       {"Content-Type", "application/json"},
       {"Content-Digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"},
       {"Content-Length", "18"}});
}
inline constexpr std::string_view kRfcRequestContent = "{\"hello\": \"world\"}";
inline constexpr std::string_view kRfcResponseContent = "{\"message\": \"good dog\"}";
inline http::Fields rfc_response_fields() {
  return fields_of(
      {{"Date", "Tue, 20 Apr 2021 02:07:56 GMT"},
       {"Content-Type", "application/json"},
       {"Content-Digest",
        "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:"},
       {"Content-Length", "23"}});
}
inline RequestView rfc_request(const http::Fields& fields) {
  return {.method = "POST",
          .scheme = "https",
          .authority = "example.com",
          .target = "/foo?param=Value&Pet=dog",
          .fields = fields};
}

}  // namespace countersign::signatures
