#include "authority/transparency/checkpoint.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::size_t kOriginDigits = 16;

struct Content {
  std::uint64_t size = 0;
  std::string root;  ///< base64
  AuditHead audit;
};

std::string to_text(const std::string& origin, const Content& content, base::Instant at) {
  return origin + "\n" + std::to_string(content.size) + "\n" + content.root + "\naudit " +
         std::to_string(content.audit.sequence) + " " + content.audit.hash + "\ntime " + base::to_rfc3339(at) + "\n";
}

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

base::Result<Content> parse(std::string_view text) {
  Content content;
  (void)take_until(text, '\n');  // the origin, which the signature line names, too
  const bool has_size = read_number(take_until(text, '\n'), content.size);
  content.root = take_until(text, '\n');
  std::string_view audit = take_until(text, '\n');
  const bool is_audit = take_until(audit, ' ') == "audit";
  const bool has_sequence = read_number(take_until(audit, ' '), content.audit.sequence);
  content.audit.hash = audit;
  if (has_size && is_audit && has_sequence && !content.root.empty() && !content.audit.hash.empty()) return content;
  return base::fail(Kind::invalid, "checkpoint.malformed", "this checkpoint does not say what ours say");
}

base::Result<std::string> find_lost_audit(store::Transaction& rows, const AuditHead& kept) {
  if (kept.sequence == 0) return std::string();
  BASE_TRY(const auto found, store::list_audit(rows, kept.sequence - 1, 1));
  if (found.empty() || found.front().sequence != kept.sequence)
    return "the audit log ends before record " + std::to_string(kept.sequence) + ", which the checkpoint knows";
  if (found.front().hash != kept.hash)
    return "record " + std::to_string(kept.sequence) + " of the audit log is not the one that the checkpoint knows";
  return std::string();
}

base::Result<std::string> find_lost_certificates(store::Transaction& rows, const Content& kept) {
  BASE_TRY(const LogHead head, log_head(rows));
  if (head.size < kept.size)
    return "the log of certificates has " + std::to_string(head.size) + " entries, and the checkpoint knows " +
           std::to_string(kept.size) + ": an older registry was put back";
  BASE_TRY(const auto root, log_root_at(rows, kept.size));
  if (base::to_base64(root) != kept.root)
    return "the first " + std::to_string(kept.size) +
           " entries of the log of certificates are not those that the checkpoint knows";
  return std::string();
}

}  // namespace

std::string checkpoint_origin(const x509::Certificate& provider_root) {
  return "countersign-log/" + base::to_hex(provider_root.fingerprint()).substr(0, kOriginDigits);
}

base::Result<Checkpoints> Checkpoints::sign_with(crypto::PrivateKey key, std::string origin) {
  BASE_TRY(auto verifier, crypto::NoteVerifier::make(std::move(origin), key.public_key()));
  return Checkpoints(std::move(key), std::move(verifier));
}

base::Result<std::string> Checkpoints::make(Ledger& ledger) const {
  Content content;
  {
    BASE_TRY(auto rows, ledger.read());
    BASE_TRY(const LogHead head, log_head(rows));
    content.size = head.size;
    content.root = base::to_base64(head.root);
    BASE_TRY(const auto last, store::find_last_audit(rows));
    if (last) content.audit = {last->sequence, last->hash};
  }
  return crypto::sign_note(to_text(verifier_.name(), content, ledger.now()), verifier_.name(), key_);
}

base::Result<std::string> Checkpoints::hold_against(Ledger& ledger, std::string_view checkpoint) const {
  auto text = verifier_.open(checkpoint);
  if (!text)
    return base::unexpected(
        std::move(text).error().under("checkpoint.foreign", "this is no checkpoint that this authority signed"));
  BASE_TRY(const Content kept, parse(*text));
  BASE_TRY(auto rows, ledger.read());
  BASE_TRY(auto lost, find_lost_audit(rows, kept.audit));
  if (!lost.empty()) return lost;
  return find_lost_certificates(rows, kept);
}

}  // namespace countersign::authority
