#include "feed/copy.h"

#include <map>

#include "base/files.h"

namespace countersign::feed {
namespace {

/// About ten million certificates.
constexpr std::size_t kCopyLimit = std::size_t{4} * 1024 * 1024 * 1024;

/// The next whole line, or nothing when what is left is torn or empty.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

base::Result<std::optional<Copy::Content>> Copy::load() const {
  auto text = base::read_file(path_, kCopyLimit);
  if (!text && text.error().kind == base::Kind::not_found) return std::optional<Content>();
  if (!text) return base::unexpected(std::move(text).error());
  std::string_view rest = *text;
  const auto first = take_line(rest);
  if (!first)
    return base::fail(base::Kind::corrupt, "feed.malformed", "'" + path_.string() + "' holds no whole snapshot");
  BASE_TRY(auto snapshot, parse_snapshot(*first));
  Content content{std::move(snapshot), {}};
  std::uint64_t after = content.snapshot.sequence;
  while (const auto line = take_line(rest)) {
    BASE_TRY(const auto json, base::parse_json(*line));
    BASE_TRY_VOID(read_change(json, after++, content.changes));
  }
  return std::optional<Content>(std::move(content));
}

base::Result<void> Copy::start(const Snapshot& snapshot) const {
  return base::write_file(path_, to_json_text(snapshot) + "\n", base::FileMode::owner_only);
}

base::Result<void> Copy::append(const Changes& changes) const {
  std::map<std::uint64_t, std::string> lines;
  for (const Change& change : changes.changes)
    lines[change.sequence] = base::json::serialize(to_json(change));
  for (const Unreadable& unreadable : changes.unreadable)
    lines[unreadable.sequence] = unreadable.json;
  std::string text;
  for (const auto& [sequence, line] : lines)
    text += line + "\n";
  return base::append_file(path_, text);
}

}  // namespace countersign::feed
