#include "check/hello.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "check/finding.h"

namespace countersign::check {
namespace {

constexpr std::uint8_t kAlertRecord = 21;
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kServerHello = 2;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kHandshakeHeader = 4;
constexpr std::size_t kRandomBytes = 32;
constexpr std::uint16_t kRenegotiationScsv = 0x00ff;  // RFC 5746 section 3.3

void put16(base::Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

/// `body` behind its length in two octets.
void put_vector(base::Bytes& out, base::BytesView body) {
  put16(out, body.size());
  out.insert(out.end(), body.begin(), body.end());
}

void put_extension(base::Bytes& out, std::uint16_t type, base::BytesView body) {
  put16(out, type);
  put_vector(out, body);
}

/// RFC 6066 section 3.
base::Bytes server_name_body(const std::string& name) {
  base::Bytes entry{0};
  put_vector(entry, base::as_bytes(name));
  base::Bytes body;
  put_vector(body, entry);
  return body;
}

/// supported_groups, ec_point_formats (RFC 8422), signature_algorithms (RFC 5246 section 7.4.1.4.1) of every hash.
base::Bytes extensions(const HelloSpec& spec) {
  static constexpr std::array<std::uint8_t, 12> kGroups = {0, 10, 0, 0x1d, 0, 0x17, 0, 0x18, 0, 0x19, 1, 0};
  static constexpr std::array<std::uint8_t, 2> kPoints = {1, 0};
  static constexpr std::array<std::uint8_t, 24> kSignatures = {0, 22, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5,
                                                               5, 1,  8, 6, 6, 1, 2, 1, 2, 3, 8, 7};
  base::Bytes out;
  if (!spec.server_name.empty()) put_extension(out, 0, server_name_body(spec.server_name));
  put_extension(out, 10, kGroups);
  put_extension(out, 11, kPoints);
  if (spec.version == WireVersion::tls12) put_extension(out, 13, kSignatures);
  return out;
}

base::Bytes in_record(std::uint8_t type, WireVersion version, base::BytesView body) {
  base::Bytes out{type};
  put16(out, static_cast<std::size_t>(version));
  put_vector(out, body);
  return out;
}

std::uint16_t read16(base::BytesView bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8U) | bytes[at + 1]);
}

/// `body` is that of a handshake record: of a ServerHello its fixed part is enough.
std::optional<HelloAnswer> read_server_hello(base::BytesView body) {
  constexpr std::size_t kToSessionId = kHandshakeHeader + 2 + kRandomBytes;
  if (body.size() <= kToSessionId) return std::nullopt;
  const std::size_t at = kToSessionId + 1 + body[kToSessionId];
  if (body.size() < at + 3) return std::nullopt;
  return HelloAnswer{.kind = HelloAnswer::Kind::server_hello,
                     .version = read16(body, kHandshakeHeader),
                     .cipher = read16(body, at),
                     .compressed = body[at + 2] != 0};
}

}  // namespace

std::string_view name(WireVersion version) {
  switch (version) {
    case WireVersion::ssl3: return "SSL 3.0";
    case WireVersion::tls10: return "TLS 1.0";
    case WireVersion::tls11: return "TLS 1.1";
    case WireVersion::tls12: return "TLS 1.2";
  }
  BASE_UNREACHABLE();
}

base::Result<base::Bytes> build_client_hello(const HelloSpec& spec, crypto::Random& random) {
  base::Bytes body;
  put16(body, static_cast<std::size_t>(spec.version));
  std::array<std::uint8_t, kRandomBytes> nonce;
  BASE_TRY_VOID(random.fill(nonce));
  body.insert(body.end(), nonce.begin(), nonce.end());
  body.push_back(0);  // no session
  base::Bytes ciphers;
  for (const std::uint16_t cipher : spec.ciphers)
    put16(ciphers, cipher);
  put16(ciphers, kRenegotiationScsv);
  put_vector(body, ciphers);
  const base::Bytes methods = spec.offers_compression ? base::Bytes{2, 1, 0} : base::Bytes{1, 0};
  body.insert(body.end(), methods.begin(), methods.end());
  if (spec.version != WireVersion::ssl3) put_vector(body, extensions(spec));
  base::Bytes message{kClientHello, 0};
  put_vector(message, body);
  return in_record(kHandshakeRecord, std::min(spec.version, WireVersion::tls10), message);
}

std::optional<HelloAnswer> read_answer(base::BytesView received) {
  if (received.empty()) return std::nullopt;
  const bool is_record = received[0] == kAlertRecord || received[0] == kHandshakeRecord;
  if (!is_record || (received.size() > 1 && received[1] != 3))
    return HelloAnswer{.kind = HelloAnswer::Kind::plaintext, .words = plain(base::as_text(received), 60)};
  if (received.size() < kRecordHeader) return std::nullopt;
  const base::BytesView body = received.subspan(kRecordHeader);
  if (received[0] == kAlertRecord) {
    if (body.size() < 2) return std::nullopt;
    return HelloAnswer{.kind = HelloAnswer::Kind::alert, .alert = body[1]};
  }
  if (!body.empty() && body[0] != kServerHello)
    return HelloAnswer{.kind = HelloAnswer::Kind::plaintext, .words = "a handshake message that is no ServerHello"};
  return read_server_hello(body);
}

}  // namespace countersign::check
