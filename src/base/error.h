// Error: why something could not be done, for a person and for a machine.
//
// Not for refusals of a peer's certificate: those are trust::Refusal, with a closed list of reasons.
// `code` is stable and dotted (`csr.bad_proof`); `detail` says what is wrong and how to mend it, and never holds a
// secret. Outward, a Kind becomes an HTTP status (http/problem.h) or an exit code (base/exit_code.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace countersign::base {

enum class Kind {
  invalid,      ///< the input is wrong and will be wrong again
  denied,       ///< the caller may not do this
  not_found,    ///< what was named does not exist
  conflict,     ///< it exists already, or its state forbids this
  too_large,    ///< a named limit was exceeded
  timeout,      ///< the deadline passed
  unavailable,  ///< somebody else is not there now: try again later
  corrupt,      ///< stored or received data does not hold together
  internal,     ///< our own fault
};

std::string_view name(Kind kind);

struct Error {
  Kind kind = Kind::internal;
  std::string code;
  std::string detail;
  std::shared_ptr<const Error> cause = nullptr;

  /// The same failure seen from one level up: `cause` keeps what was below.
  Error under(std::string outer_code, std::string outer_detail) &&;
};

/// "detail (code): cause detail (code) ...", one line, for logs and terminals.
std::string to_string(const Error& error);

}  // namespace countersign::base
