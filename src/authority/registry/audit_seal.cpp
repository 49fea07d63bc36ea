#include "authority/registry/audit_seal.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "authority/secrets/sealed_secret.h"
#include "base/check.h"
#include "base/files.h"
#include "crypto/mac.h"

namespace countersign::authority {
namespace {

constexpr const char* kDomain = "countersign audit seal 1\n";
/// Beyond this the file is begun anew with what counts of it.
constexpr std::size_t kFileSize = 1024 * 1024;

std::string content_of(std::string_view kind, const AuditHead& head) {
  return std::string(kind) + " " + std::to_string(head.sequence) + " " + head.hash;
}

/// Problems are sentences; in a line they stand where a hash would.
std::string to_word(const std::string& problem) { return base::to_base64url(base::as_bytes(problem)); }
std::string from_word(const std::string& word) {
  const auto bytes = base::from_base64url(word);
  return bytes ? std::string(base::as_text(*bytes)) : "";
}

}  // namespace

std::string AuditSeal::seal(std::string_view kind, const AuditHead& head) const {
  BASE_CHECK(!key_.empty());
  const std::string content = content_of(kind, head);
  return content + " " + base::to_hex(crypto::hmac_sha256(key_.reveal(), base::as_bytes(kDomain + content)));
}

std::optional<AuditHead> AuditSeal::open(std::string_view kind, std::string_view text) const {
  std::array<std::string_view, 4> words;
  std::string_view rest = text;
  for (std::string_view& word : words) {
    word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  AuditHead head{0, std::string(words[2])};
  std::from_chars(words[1].data(), words[1].data() + words[1].size(), head.sequence);
  if (seal(kind, head) != text) return std::nullopt;
  return head;
}

base::Result<void> AuditSeal::begin() {
  BASE_TRY_VOID(base::write_file(file_, seal("head", {}) + "\n", base::FileMode::owner_only));
  outside_ = AuditHead();
  return {};
}

void AuditSeal::take_line(std::string_view line) {
  if (const auto head = open("head", line)) {
    outside_ = *head;
  } else if (const auto broken = open("broken", line)) {
    problem_ = from_word(broken->hash);
  } else {
    unusable_ = true;
    problem_ = "'" + file_.string() + "' was changed from outside";
  }
}

base::Result<void> AuditSeal::read() {
  outside_.reset();
  problem_.clear();
  unusable_ = false;
  const auto text = base::read_file(file_);
  if (!text && text.error().code != "file.not_found") return base::unexpected(text.error());
  std::string_view rest = text ? std::string_view(*text) : "";
  for (std::size_t end = rest.find('\n'); end != rest.npos && !unusable_; end = rest.find('\n')) {
    take_line(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (outside_ || unusable_) return {};
  unusable_ = true;
  problem_ = "'" + file_.string() + "' is missing or empty";
  return {};
}

base::Result<void> AuditSeal::append(const std::string& line) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file_, error);
  if (error || size < kFileSize) return base::append_file(file_, line + "\n");
  const std::string standing = problem_.empty() ? "" : seal("broken", {0, to_word(problem_)}) + "\n";
  return base::write_file(file_, standing + line + "\n", base::FileMode::owner_only);
}

void AuditSeal::note(const AuditHead& head) {
  pending_ = head;
  (void)catch_up();  // what failed is kept, and stops the next amendment
}

base::Result<void> AuditSeal::catch_up() {
  if (!pending_ || unusable_) return {};
  BASE_TRY_VOID(append(seal("head", *pending_)));
  outside_ = std::exchange(pending_, std::nullopt);
  return {};
}

base::Result<void> AuditSeal::note_problem(const std::string& problem) {
  if (!problem_.empty()) return {};
  BASE_TRY_VOID(append(seal("broken", {0, to_word(problem)})));
  problem_ = problem;
  return {};
}

base::Result<void> AuditSeal::acknowledge(const AuditHead& head) {
  BASE_TRY_VOID(base::write_file(file_, seal("head", head) + "\n", base::FileMode::owner_only));
  outside_ = head;
  pending_.reset();
  problem_.clear();
  unusable_ = false;
  return {};
}

base::Result<base::Secret> derive_seal_key(const crypto::PrivateKey& audit) { return derive_secret(audit, kDomain); }

base::Result<base::Secret> open_audit_key(const std::filesystem::path& keys, const base::Secret& passphrase) {
  BASE_TRY(const auto key, open_sealed_key(keys / "audit.key", passphrase));
  return derive_seal_key(key);
}

}  // namespace countersign::authority
