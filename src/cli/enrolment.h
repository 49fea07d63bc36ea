// Enrolment: a one-time code and a CSR become a certificate, which is believed only after it was checked to be ours.
#pragma once

#include <filesystem>
#include <optional>
#include <variant>

#include "cli/api_client.h"
#include "x509/csr.h"

namespace countersign::cli {

struct Enrolment {
  std::string code;
  trust::Purpose purpose;
  std::string csr;                                        ///< PEM
  crypto::PublicKey key;                                  ///< the one in `csr`
  std::optional<base::Identity> expected = std::nullopt;  ///< where known, nobody else will do
};

struct Issued {
  x509::Certificate certificate;
  std::vector<x509::Certificate> issuing_cas;
  x509::Certificate root;
  base::Identity identity;

  /// Leaf first, then the issuing CA: what servers and clients are given to send.
  std::string chain_pem() const;
};

/// People of the provider must approve first. Asking the same again tells how it stands, and gets the certificate.
struct Pending {
  std::string request;
  std::int64_t given;
  std::int64_t needed;
  base::Duration retry_after;  ///< what the authority asks us to wait; at least a second
};
using Outcome = std::variant<Issued, Pending>;

/// Redeems the code. The same code with the same key may be sent again after any interruption. Fails: as ApiClient and
/// read_outcome.
base::Result<Outcome> enrol(ApiClient& api, const Enrolment& enrolment, const Context& context);

/// What an answer to an enrolment or a renewal says. Fails: `answer.malformed`, and as check_issued.
base::Result<Outcome> read_outcome(const ApiAnswer& answer, const Enrolment& enrolment, base::Instant now);

/// Believes an answer only if its certificate is for our key, for the purpose asked, names one application and nobody
/// else, and leads to the root that came with it. Fails: `answer.malformed`, `answer.other_key`, `answer.other_name`,
/// `answer.refused`.
base::Result<Issued> check_issued(const base::json::object& answer, const Enrolment& enrolment, base::Instant now);

struct KeyFile {
  crypto::PrivateKey key;
  bool made;  ///< false: it was there
};
/// The key in `file`, or a new one of `kind`, durably in `file` (mode 0600) before it is used. Fails: `key.unusable`,
/// `file.unwritable`.
base::Result<KeyFile> open_or_make_key(const std::filesystem::path& file, crypto::PrivateKey::Kind kind);

}  // namespace countersign::cli
