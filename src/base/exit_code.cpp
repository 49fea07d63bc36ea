#include "base/exit_code.h"

#include "base/check.h"

namespace countersign::base {

ExitCode to_exit_code(Kind kind) {
  switch (kind) {
    case Kind::invalid:
    case Kind::too_large: return ExitCode::usage;
    case Kind::denied: return ExitCode::denied;
    case Kind::not_found:
    case Kind::conflict: return ExitCode::refused;
    case Kind::timeout:
    case Kind::unavailable: return ExitCode::unavailable;
    case Kind::corrupt:
    case Kind::internal: return ExitCode::failed;
  }
  BASE_UNREACHABLE();
}

}  // namespace countersign::base
