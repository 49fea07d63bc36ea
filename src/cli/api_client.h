// ApiClient: one HTTPS connection to the authority's API, used one call after another, blocking.
//
// The authority is believed only by feed::JudgeAuthority: a server certificate under the given trust chain, for its
// name, with its identity. Not for servers: it runs its own event loop inside each call.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/api_connection.h"
#include "cli/context.h"

namespace countersign::cli {

inline constexpr base::Duration kPatience = std::chrono::seconds(20);

class ApiClient {
 public:
  struct Options {
    net::Endpoint authority;
    trust::TrustSet trust;
    const tls::Credential* credential = nullptr;  ///< borrowed for make() only; null: no certificate is sent
    std::string server_name = {};                 ///< the name its certificate must carry; empty: authority.host
    base::Duration patience = kPatience;          ///< for each call, connecting included
    Door door = kAuthorityDoor;                   ///< as whom it is asked
  };
  /// Connects at the first call. Borrows `context`. Fails: `tls.context`.
  static base::Result<ApiClient> make(Options options, const Context& context);
  ~ApiClient();
  ApiClient(ApiClient&&) noexcept;
  ApiClient& operator=(ApiClient&&) noexcept;

  /// Fails: as ApiConnection::call; `net.timeout`; `authority.answer` (no JSON).
  base::Result<base::json::object> get(std::string_view target);
  base::Result<base::json::object> post(std::string_view target, const base::json::object& body);
  /// The same where the answer may be that it is not done yet (202).
  base::Result<ApiAnswer> post_for_answer(std::string_view target, const base::json::object& body);
  /// The body as it came. Fails: as get().
  base::Result<std::string> get_text(std::string_view target);
  const net::Endpoint& authority() const;

 private:
  friend base::Result<std::string> get_from_stranger(net::Endpoint, std::string_view, const Context&);
  struct Impl;
  explicit ApiClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The body at `target`, from whoever answers there: any server certificate for that name will do, whoever issued it.
/// For what is public and checked by other means; no certificate is sent. Fails: as ApiClient::get_text.
base::Result<std::string> get_from_stranger(net::Endpoint authority, std::string_view target, const Context& context);

}  // namespace countersign::cli
