// Mail to the provider's own mail server (RFC 5321), which takes it from there.
#pragma once

#include <filesystem>
#include <optional>

#include "base/secret.h"
#include "courier/message.h"
#include "courier/stop.h"
#include "net/endpoint.h"

namespace countersign::courier {

inline constexpr base::Duration kMailTime = std::chrono::seconds(30);

enum class MailSecurity {
  starttls,  ///< RFC 3207, or nothing is sent
  tls,       ///< from the first byte (RFC 8314 section 3.3)
  none,
};

struct MailServer {
  net::Endpoint at;
  MailSecurity security = MailSecurity::starttls;
  std::string user;  ///< empty: no authentication
  base::Secret password;
  std::filesystem::path ca_file;  ///< empty: the system's
};

/// The server has answered 250 when it returns. Blocks, for kMailTime at most. Fails: `mail.refused` (Kind::denied; it
/// will never take mail to that address), `mail.failed`, and as to_message.
base::Result<void> send(const MailServer& server, const Mail& mail, const Stop& stop);

}  // namespace countersign::courier
