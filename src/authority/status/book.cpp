#include "authority/status/book.h"

#include <algorithm>
#include <iterator>

namespace countersign::authority {

std::optional<SerialOctets> to_octets(base::BytesView magnitude) {
  SerialOctets octets{};
  if (magnitude.empty() || magnitude.size() > octets.size()) return std::nullopt;
  std::ranges::copy(magnitude, octets.end() - static_cast<std::ptrdiff_t>(magnitude.size()));
  return octets;
}

StatusBook::StatusBook() : pages_(kPages) {}

std::size_t StatusBook::page_of(const SerialOctets& serial) {
  return ((std::size_t{serial[18]} << 8) | serial[19]) % kPages;
}

std::optional<CertificateStatus> StatusBook::find(const SerialOctets& serial) const {
  const Page* page = pages_[page_of(serial)].get();
  if (page == nullptr) return std::nullopt;
  const auto found = std::ranges::lower_bound(*page, serial, {}, &CertificateStatus::serial);
  if (found == page->end() || found->serial != serial) return std::nullopt;
  return *found;
}

void StatusBook::put(std::size_t page, std::span<const CertificateStatus> statuses) {
  static const Page kEmpty;
  const Page& old = pages_[page] == nullptr ? kEmpty : *pages_[page];
  Page merged;
  merged.reserve(old.size() + statuses.size());
  auto before = old.begin();
  for (const CertificateStatus& one : statuses) {
    while (before != old.end() && before->serial < one.serial)
      merged.push_back(*before++);
    if (before != old.end() && before->serial == one.serial) ++before;
    if (!merged.empty() && merged.back().serial == one.serial) merged.back() = one;  // twice among the new ones
    else merged.push_back(one);
  }
  merged.insert(merged.end(), before, old.end());
  merged.shrink_to_fit();
  size_ += merged.size();
  size_ -= old.size();
  pages_[page] = std::make_shared<const Page>(std::move(merged));
}

StatusBook StatusBook::with(std::vector<CertificateStatus> statuses) const {
  StatusBook book = *this;
  const auto before = [](const CertificateStatus& a, const CertificateStatus& b) {
    const std::size_t left = page_of(a.serial);
    const std::size_t right = page_of(b.serial);
    return left != right ? left < right : a.serial < b.serial;
  };
  std::ranges::stable_sort(statuses, before);
  for (auto first = statuses.begin(); first != statuses.end();) {
    const std::size_t page = page_of(first->serial);
    const auto last =
        std::find_if(first, statuses.end(), [&](const CertificateStatus& one) { return page_of(one.serial) != page; });
    book.put(page, {first, last});
    first = last;
  }
  return book;
}

StatusBook StatusBook::without_ended(base::Instant at) const {
  StatusBook book = *this;
  const auto ended = [at](const CertificateStatus& one) { return one.not_after < at; };
  for (auto& page : book.pages_) {
    if (page == nullptr || std::ranges::none_of(*page, ended)) continue;
    Page kept;
    std::ranges::remove_copy_if(*page, std::back_inserter(kept), ended);
    kept.shrink_to_fit();
    book.size_ -= page->size() - kept.size();
    page = std::make_shared<const Page>(std::move(kept));
  }
  return book;
}

}  // namespace countersign::authority
