#include "cli/password_file.h"

#include "base/files.h"

namespace countersign::cli {

base::Result<base::Secret> read_password(const std::string& file) {
  BASE_TRY(const base::Secret content, base::read_secret_file(file));
  std::string_view text = content.reveal_text();
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.remove_suffix(1);
  if (text.empty()) return base::fail(base::Kind::invalid, "password.empty", "'" + file + "' holds no password");
  return base::Secret(text);
}

}  // namespace countersign::cli
