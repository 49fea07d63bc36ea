// A ClientHello written by hand and the first answer to it, read by hand: for what libssl would not say any more -
// SSL 3.0, TLS 1.0, dead ciphers, compression - and to tell who answers without TLS at all.
//
// Pure functions of bytes. What the server answers is bounded by kHelloAnswerLimit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "crypto/random.h"

namespace countersign::check {

/// The protocol's own numbers (RFC 5246 appendix A.1).
enum class WireVersion : std::uint16_t { ssl3 = 0x0300, tls10 = 0x0301, tls11 = 0x0302, tls12 = 0x0303 };
std::string_view name(WireVersion version);

struct HelloSpec {
  WireVersion version = WireVersion::tls12;  ///< the highest that is offered
  std::vector<std::uint16_t> ciphers = {};
  bool offers_compression = false;  ///< DEFLATE (RFC 3749), before "none"
  std::string server_name = {};     ///< for SNI; empty: none
};

/// One record with a ClientHello (RFC 5246 section 7.4.1.2) that knows RFC 5746 and the curves in use. SSL 3.0 gets no
/// extensions. Fails: as `random`.
base::Result<base::Bytes> build_client_hello(const HelloSpec& spec, crypto::Random& random);

/// Nothing of an answer behind this is read.
inline constexpr std::size_t kHelloAnswerLimit = 16 * 1024;

struct HelloAnswer {
  enum class Kind { server_hello, alert, plaintext };
  Kind kind;
  std::uint16_t version = 0;  ///< of a ServerHello
  std::uint16_t cipher = 0;
  bool compressed = false;
  int alert = 0;           ///< its number
  std::string words = {};  ///< how a plaintext answer begins, plain()
};

/// What `received` begins with; nothing while more is needed. Whatever is no TLS record is plaintext.
std::optional<HelloAnswer> read_answer(base::BytesView received);

}  // namespace countersign::check
