// A distinguished name (RFC 5280 section 4.1.2.4) as people and log lines see it.
#pragma once

#include <string>

namespace countersign::x509 {

/// Built by the authority: every part is UTF8String, empty parts are left out.
struct SubjectName {
  std::string common_name;
  std::string organisation;
  std::string organisational_unit;
};

/// Read out of a certificate: `text` is RFC 4514 with every control and non-ASCII byte escaped, so it is safe in a log.
/// The parts are the first attribute of their kind, raw UTF-8; compare names by `der`, never by text.
struct Name {
  std::string text;
  std::string der;
  std::string common_name;
  std::string organisation;
  std::string organisational_unit;
};

}  // namespace countersign::x509
