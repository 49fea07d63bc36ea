#include "crypto/signed_note.h"

#include <algorithm>
#include <charconv>

namespace countersign::crypto {
namespace {

using base::Kind;

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // an em dash and a space
constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::size_t kKeySize = 32;
constexpr std::size_t kHashSize = 4;
/// SubjectPublicKeyInfo of an Ed25519 key is this and the 32 bytes of the key (RFC 8410 section 4).
constexpr std::uint8_t kSpkiPrefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr std::size_t kNoteLimit = 64 * 1024;

tl::unexpected<base::Error> malformed(std::string detail) {
  return base::fail(Kind::invalid, "note.malformed", "this is no signed note: " + std::move(detail));
}

tl::unexpected<base::Error> bad_verifier(std::string detail) {
  return base::fail(Kind::invalid, "note.verifier", std::move(detail));
}

bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20 || octet == 0x7f || c == '+';
  });
}

/// The type octet and the 32 bytes of the key.
base::Bytes typed_key(const PublicKey& key) {
  const base::Bytes spki = key.to_spki();
  base::Bytes bytes{kEd25519};
  bytes.insert(bytes.end(), spki.end() - kKeySize, spki.end());
  return bytes;
}

}  // namespace

base::Result<NoteVerifier> NoteVerifier::make(std::string name, const PublicKey& key) {
  if (!is_name(name)) return bad_verifier("the name of a note's signer has no spaces, '+' or control characters");
  if (key.type() != KeyType::ed25519) return bad_verifier("notes are signed with Ed25519 keys only");
  return NoteVerifier(std::move(name), key);
}

base::Bytes NoteVerifier::key_hash() const {
  const base::Bytes key = typed_key(key_);
  const Digest256 digest = sha256({base::as_bytes(name_ + "\n"), key});
  return {digest.begin(), digest.begin() + kHashSize};
}

base::Result<NoteVerifier> NoteVerifier::parse(std::string_view text) {
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return bad_verifier("a verifier key reads NAME+HASH+KEY");
  const auto bytes = base::from_base64(text.substr(second + 1));
  if (!bytes || bytes->size() != kKeySize + 1 || bytes->front() != kEd25519)
    return bad_verifier("the key of this verifier is no Ed25519 key");
  base::Bytes spki(std::begin(kSpkiPrefix), std::end(kSpkiPrefix));
  spki.insert(spki.end(), bytes->begin() + 1, bytes->end());
  BASE_TRY(const PublicKey key, PublicKey::from_spki(spki));
  BASE_TRY(auto verifier, make(std::string(text.substr(0, first)), key));
  if (verifier.to_text() != text) return bad_verifier("the hash in this verifier key is not that of its name and key");
  return verifier;
}

std::string NoteVerifier::to_text() const {
  return name_ + "+" + base::to_hex(key_hash()) + "+" + base::to_base64(typed_key(key_));
}

base::Result<std::string> NoteVerifier::open(std::string_view note) const {
  if (note.size() > kNoteLimit) return malformed("it is larger than 64 KiB");
  const std::size_t end = note.rfind("\n\n");
  if (end == std::string_view::npos) return malformed("there is no empty line before the signatures");
  const std::string_view text = note.substr(0, end + 1);
  std::string_view lines = note.substr(end + 2);
  const std::string start = std::string(kDash) + name_ + " ";
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (!line.starts_with(kDash)) return malformed("a line of signatures begins with an em dash");
    if (!line.starts_with(start)) continue;
    const auto signature = base::from_base64(line.substr(start.size()));
    if (!signature || signature->size() <= kHashSize) return malformed("a signature is not base64");
    const base::BytesView bytes(*signature);
    if (!std::ranges::equal(bytes.first(kHashSize), key_hash())) continue;
    if (key_.verify(base::as_bytes(text), bytes.subspan(kHashSize))) return std::string(text);
  }
  return base::fail(Kind::denied, "note.not_signed", "no signature of this note is a good one of " + name_);
}

base::Result<std::string> sign_note(std::string text, std::string name, const PrivateKey& key) {
  if (!text.ends_with('\n') || text.find("\n\n") != std::string::npos)
    return malformed("its text must end in a newline and have no empty line");
  BASE_TRY(const auto verifier, NoteVerifier::make(std::move(name), key.public_key()));
  BASE_TRY(const base::Bytes signature, key.sign(base::as_bytes(text)));
  base::Bytes bytes = verifier.key_hash();
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  return std::move(text) + "\n" + std::string(kDash) + verifier.name() + " " + base::to_base64(bytes) + "\n";
}

}  // namespace countersign::crypto
