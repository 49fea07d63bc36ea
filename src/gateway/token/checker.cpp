#include "gateway/token/checker.h"

#include <algorithm>
#include <cstring>

namespace countersign::gateway {
namespace {

constexpr std::string_view kScheme = "bearer ";

bool starts_with_scheme(std::string_view value) {
  return value.size() > kScheme.size() &&
         std::ranges::equal(value.substr(0, kScheme.size()), kScheme, [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

oauth::Checked<std::string_view> token_in(const http::Fields& fields) {
  const std::size_t count = fields.count("Authorization");
  if (count > 1) return oauth::refuse(oauth::Reason::token_malformed, "there are two Authorization fields");
  const std::string_view value = fields.find("Authorization").value_or("");
  if (!starts_with_scheme(value)) return oauth::refuse(oauth::Reason::token_missing);
  const std::string_view token = value.substr(value.find_first_not_of(' ', kScheme.size() - 1));
  return token;
}

std::size_t TokenChecker::HashOfKey::operator()(const Key& key) const {
  std::size_t hash = 0;
  std::memcpy(&hash, key.data(), sizeof hash);
  return hash;
}

/// Another ring may know a remembered key no more.
void TokenChecker::refresh() {
  const std::uint64_t now = rings_.generation();
  if (now == generation_) return;
  generation_ = now;
  ring_ = rings_.take();
  by_key_.clear();
  by_age_.clear();
}

const oauth::CheckedToken* TokenChecker::find(const Key& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  by_age_.splice(by_age_.begin(), by_age_, found->second);
  return &found->second->token;
}

void TokenChecker::remember(const Key& key, const oauth::CheckedToken& token) {
  by_age_.push_front({key, token});
  by_key_[key] = by_age_.begin();
  if (by_age_.size() <= kTokensRemembered) return;
  by_key_.erase(by_age_.back().key);
  by_age_.pop_back();
}

oauth::Checked<oauth::BoundToken> TokenChecker::check(const http::Fields& fields, const trust::AdmittedChain& peer,
                                                      const oauth::Demand& demand, base::Instant now) {
  const auto text = token_in(fields);
  if (!text) return base::unexpected(text.error());
  if (text->size() > oauth::kTokenLimit) return oauth::refuse(oauth::Reason::token_malformed, "it is too long");
  refresh();
  const crypto::Digest256& certificate = peer.chain().leaf().fingerprint();
  const Key key = crypto::sha256({certificate, base::as_bytes(*text)});
  if (const oauth::CheckedToken* known = find(key)) {
    if (auto still = oauth::recheck(*known, *ring_, now); !still) return base::unexpected(std::move(still).error());
    return oauth::bind(*known, peer, demand);
  }
  auto checked = oauth::check_token(*text, *ring_, now);
  if (!checked) return base::unexpected(std::move(checked).error());
  auto bound = oauth::bind(*checked, peer, demand);
  // Whoever has only stolen tokens fills no memory with them.
  if (bound || bound.error().reason == oauth::Reason::token_scope) remember(key, *checked);
  return bound;
}

}  // namespace countersign::gateway
