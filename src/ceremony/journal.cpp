#include "ceremony/journal.h"

#include <algorithm>
#include <charconv>

#include "base/files.h"

namespace countersign::ceremony {
namespace {

constexpr std::string_view kCrl = "crl ";

tl::unexpected<base::Error> unreadable(const std::filesystem::path& file, std::size_t line) {
  return base::fail(base::Kind::corrupt, "ceremony.journal",
                    "'" + file.string() + "' cannot be read at line " + std::to_string(line) +
                        ": restore the ceremony's folder from its backup; nothing is signed without it");
}

base::Result<JournalEntry> read_entry(std::string_view line) {
  BASE_TRY(const auto json, base::parse_json(line));
  BASE_TRY(auto reader, base::JsonReader::of(json));
  JournalEntry entry;
  BASE_TRY(entry.event, reader.text("event"));
  BASE_TRY(entry.input, reader.text("input"));
  BASE_TRY(entry.name, reader.text("name"));
  BASE_TRY(entry.root, reader.text("root"));
  BASE_TRY(entry.number, reader.text("number"));
  BASE_TRY(entry.sha256, reader.text("sha256"));
  BASE_TRY(const std::string at, reader.text("at"));
  BASE_TRY(entry.at, base::parse_rfc3339(at));
  BASE_TRY_VOID(reader.finish());
  return entry;
}

}  // namespace

base::Result<Journal> Journal::load(const std::filesystem::path& folder) {
  Journal journal(folder / "journal.jsonl");
  const auto text = base::read_file(journal.file_);
  if (!text && text.error().code == "file.not_found") return journal;
  if (!text) return base::unexpected(text.error());
  std::string_view rest = *text;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n');
    if (end == rest.npos) break;  // torn: what it announced was not signed
    auto entry = read_entry(rest.substr(0, end));
    if (!entry) return unreadable(journal.file_, line);
    journal.entries_.push_back(std::move(*entry));
    rest.remove_prefix(end + 1);
  }
  return journal;
}

const JournalEntry* Journal::find(std::string_view event, const std::string& input) const {
  const auto found = std::ranges::find_if(
      entries_, [&](const JournalEntry& entry) { return entry.event == event && entry.input == input; });
  return found == entries_.end() ? nullptr : &*found;
}

bool Journal::is_taken(const std::string& serial, const std::string& input) const {
  return std::ranges::any_of(entries_,
                             [&](const JournalEntry& entry) { return entry.number == serial && entry.input != input; });
}

std::uint64_t Journal::last_crl(const std::string& root, const std::string& input) const {
  std::uint64_t last = 0;
  for (const JournalEntry& entry : entries_) {
    if (entry.root != root || entry.input == input || !entry.number.starts_with(kCrl)) continue;
    std::uint64_t number = 0;
    const char* begin = entry.number.data() + kCrl.size();
    std::from_chars(begin, entry.number.data() + entry.number.size(), number);
    last = std::max(last, number);
  }
  return last;
}

bool Journal::has_signed(const std::string& root, const std::string& serial) const {
  return std::ranges::any_of(entries_,
                             [&](const JournalEntry& entry) { return entry.root == root && entry.number == serial; });
}

base::Result<void> Journal::append(JournalEntry entry) {
  const base::json::object json{{"event", entry.event},
                                {"input", entry.input},
                                {"name", entry.name},
                                {"root", entry.root},
                                {"number", entry.number},
                                {"sha256", entry.sha256},
                                {"at", base::to_rfc3339(entry.at)}};
  const std::string line = base::json::serialize(json) + "\n";
  const bool exists = std::filesystem::exists(file_);
  BASE_TRY_VOID(exists ? base::append_file(file_, line) : base::create_file(file_, line, base::FileMode::owner_only));
  entries_.push_back(std::move(entry));
  return {};
}

}  // namespace countersign::ceremony
