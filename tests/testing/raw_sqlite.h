// RawSqlite: goes behind the registry's back, to damage or to look: what an attacker with the file could do.
#pragma once

#include <filesystem>
#include <string>

#include <sqlite3.h>

#include "base/check.h"

namespace countersign::testing {

class RawSqlite {
 public:
  explicit RawSqlite(const std::filesystem::path& file) {
    BASE_CHECK(sqlite3_open(file.c_str(), &database_) == SQLITE_OK);
  }
  ~RawSqlite() { sqlite3_close(database_); }
  RawSqlite(const RawSqlite&) = delete;
  RawSqlite& operator=(const RawSqlite&) = delete;

  /// Runs `sql`; false when SQLite refused.
  bool run(const std::string& sql) {
    return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  /// The first column of the first row as text, or "" where there is none.
  std::string ask(const std::string& sql) {
    std::string answer;
    sqlite3_exec(database_, sql.c_str(), &keep_first, &answer, nullptr);
    return answer;
  }

 private:
  static int keep_first(void* answer, int, char** values, char**) {
    auto& text = *static_cast<std::string*>(answer);
    if (text.empty() && values[0] != nullptr) text = values[0];
    return 0;
  }
  sqlite3* database_ = nullptr;
};

}  // namespace countersign::testing
