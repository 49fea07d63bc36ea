#include "policy/own_fields.h"

#include <algorithm>
#include <array>
#include <span>

namespace countersign::policy {
namespace {

constexpr std::array<std::string_view, 4> kReserved = {"client-cert", "client-cert-chain", "forwarded", "x-real-ip"};
constexpr std::array<std::string_view, 2> kReservedPrefixes = {"x-countersign-", "x-forwarded-"};
constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",        "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade"};

constexpr std::array<std::string_view, 5> kDecidedHere = {"host", "content-length", "expect", "traceparent",
                                                          "tracestate"};

constexpr char fold(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/// How one of all these may begin, folded: most fields of a message begin in another way.
constexpr std::array<bool, 256> kBeginnings = [] {
  std::array<bool, 256> table{};
  const auto add = [&](std::span<const std::string_view> names) {
    for (const std::string_view name : names)
      table[static_cast<unsigned char>(name.front())] = true;
  };
  add(kReserved);
  add(kReservedPrefixes);
  add(kHopByHop);
  add(kDecidedHere);
  return table;
}();

/// A name in lower case, with '-' for what is neither letter nor digit; of a long one only the beginning, which is
/// longer than any name or prefix here.
class Folded {
 public:
  explicit Folded(std::string_view name) : size_(std::min(name.size(), text_.size())) {
    for (std::size_t i = 0; i < size_; ++i)
      text_[i] = fold(name[i]);
  }
  std::string_view text() const { return {text_.data(), size_}; }
  bool is_among(std::span<const std::string_view> names) const {
    return std::ranges::find(names, text()) != names.end();
  }
  bool is_reserved() const {
    const auto begins_name = [this](std::string_view prefix) { return text().starts_with(prefix); };
    return is_among(kReserved) || std::ranges::any_of(kReservedPrefixes, begins_name);
  }

 private:
  std::array<char, 32> text_;
  std::size_t size_;
};

}  // namespace

bool is_reserved_field(std::string_view name) { return Folded(name).is_reserved(); }
bool is_hop_by_hop_field(std::string_view name) { return Folded(name).is_among(kHopByHop); }
bool is_decided_here(std::string_view name) { return Folded(name).is_among(kDecidedHere); }

bool never_travels(std::string_view name) {
  if (name.empty() || !kBeginnings[static_cast<unsigned char>(fold(name.front()))]) return false;
  const Folded folded(name);
  return folded.is_among(kHopByHop) || folded.is_reserved() || folded.is_among(kDecidedHere);
}

}  // namespace countersign::policy
