// SenderClient: one HTTPS connection to the local side of an EHI sender, used one call after another, blocking: what
// ApiClient is for the authority.
//
// Believes a sender of the platform, `internal/service/ehi` or `ehi-NAME`, by its server certificate under the
// provider's trust chain: any other server would be handed what lies in an outbox.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/api_connection.h"
#include "cli/context.h"

namespace countersign::cli {

class SenderClient {
 public:
  struct Options {
    net::Endpoint sender;
    trust::TrustSet trust;
    const tls::Credential* credential;  ///< borrowed for make() only
  };
  /// Connects at the first call. Borrows `context`. Fails: `tls.context`.
  static base::Result<SenderClient> make(Options options, const Context& context);
  ~SenderClient();
  SenderClient(SenderClient&&) noexcept;

  /// Fail, all of them: `sender.unreachable`, `sender.refused` (we do not believe it), `sender.refuses_us`,
  /// `sender.call`, `authority.answer` (no JSON), and whatever problem the sender answered, with its own code.
  base::Result<base::json::object> get(std::string_view target);
  base::Result<base::json::object> post(std::string_view target);
  base::Result<void> remove(std::string_view target);

 private:
  struct Impl;
  explicit SenderClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace countersign::cli
