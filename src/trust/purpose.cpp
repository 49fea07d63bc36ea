#include "trust/purpose.h"

#include "base/check.h"

namespace countersign::trust {

std::string_view name(Purpose purpose) {
  switch (purpose) {
    case Purpose::transport: return "transport";
    case Purpose::signing: return "signing";
    case Purpose::ehi: return "ehi";
    case Purpose::service: return "service";
    case Purpose::server: return "server";
    case Purpose::person: return "person";
    case Purpose::ocsp: return "ocsp";
  }
  BASE_UNREACHABLE();
}

base::Result<Purpose> parse_purpose(std::string_view text) {
  for (const Purpose purpose : {Purpose::transport, Purpose::signing, Purpose::ehi, Purpose::service, Purpose::server,
                                Purpose::person, Purpose::ocsp})
    if (text == name(purpose)) return purpose;
  return base::fail(base::Kind::invalid, "purpose.unknown",
                    "'" + std::string(text.substr(0, 40)) +
                        "' is not a purpose: use transport, signing, ehi, service, server or person");
}

}  // namespace countersign::trust
