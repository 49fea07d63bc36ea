// Journal: what roots have signed, one line each, in the ceremony's folder. A line is durable before the signature that
// it announces (law 1): what was signed is never forgotten, and no number is used twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace countersign::ceremony {

struct JournalEntry {
  std::string event;   ///< begun, intent, signed, ended
  std::string input;   ///< SHA-256 of the file that the ceremony was held by
  std::string name;    ///< of what is signed; of the ceremony's title with begun and ended
  std::string root;    ///< that signs; empty with begun and ended
  std::string number;  ///< the serial in hexadecimal, or "crl N"
  std::string sha256;  ///< of the signed part with intent, of the whole with signed, of the transcript with ended
  base::Instant at;    ///< by the machine's clock
};

class Journal {
 public:
  /// Makes nothing. A torn last line, of a machine that lost its power, is none. Fails: `ceremony.journal` when it
  /// cannot be read.
  static base::Result<Journal> load(const std::filesystem::path& folder);

  bool has_begun(const std::string& input) const { return find("begun", input) != nullptr; }
  const JournalEntry* find(std::string_view event, const std::string& input) const;
  /// Somebody else's: was that serial announced by a ceremony of another file?
  bool is_taken(const std::string& serial, const std::string& input) const;
  /// The highest number of a CRL of `root` that a ceremony of another file announced; 0: none.
  std::uint64_t last_crl(const std::string& root, const std::string& input) const;
  bool has_signed(const std::string& root, const std::string& serial) const;

  /// Durable when it returns. Fails: `file.unwritable`.
  base::Result<void> append(JournalEntry entry);

 private:
  explicit Journal(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
  std::vector<JournalEntry> entries_;
};

}  // namespace countersign::ceremony
