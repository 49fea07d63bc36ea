// A password in a file, as of a PKCS#12: never on the command line, where others see it.
#pragma once

#include <string>

#include "base/secret.h"

namespace countersign::cli {

/// Line ends behind the password do not count. Fails: `password.empty`, as base::read_secret_file.
base::Result<base::Secret> read_password(const std::string& file);

}  // namespace countersign::cli
