// Target: which server is checked, and what is there to check it with.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "check/asker.h"
#include "http/message.h"
#include "http/url.h"
#include "tls/context.h"
#include "trust/trust_set.h"

namespace countersign::check {

/// A certificate that the server must refuse, and that only the provider's authority can make.
struct TestCredential {
  std::string_view check;  ///< the name of the check that it is for: "refuse.expired"
  tls::Credential credential;
};

struct Target {
  http::Url url;                                   ///< https
  std::string text;                                ///< the URL as it was given
  std::shared_ptr<const trust::TrustSet> anchors;  ///< whom the server's certificate may come from
  std::optional<tls::Credential> own = {};   ///< the provider's EHI certificate with its chain; none: much is not tried
  std::optional<tls::Credential> next = {};  ///< the provider's, by a CA that is to follow; none: that is not tried
  std::vector<x509::Certificate> trust_chain = {};  ///< the provider's root and issuing CAs, as the partner installs it
  std::vector<TestCredential> test_credentials = {};
  http::RequestHead request = {};  ///< what is asked; Host and Content-Length are written for it
  std::string body = {};
  std::string message_key = {};  ///< what the Idempotency-Key of each request begins with; empty: none is sent
  base::Duration deadline = std::chrono::milliseconds(200);  ///< that a decision call has
  base::Duration patience = std::chrono::seconds(5);         ///< for each step with a server that does not answer
  std::size_t requests = 100;                                ///< that latency is measured by
  Asker asker = Asker::command;
  std::optional<net::Endpoint> pinned = {};  ///< where the host is, as its caller looked it up; none: it is looked up

  const net::Endpoint& to() const { return pinned ? *pinned : url.authority; }
};

/// Files of a folder of test credentials: NAME.pem (leaf first, then its issuers) and NAME.key.
struct TestFile {
  std::string_view check;
  std::string_view name;
};
std::span<const TestFile> test_files();

/// Those that are there: of a missing NAME.pem nothing is said, a NAME.pem that cannot be used is an error. Fails: as
/// base::is_there and tls::load_credential, and `check.test_credentials` when none of the names is there.
base::Result<std::vector<TestCredential>> load_test_credentials(const std::filesystem::path& folder);

/// Roots that a server's certificate may come from, in PEM. Fails: as base::read_file, `check.certificates`,
/// `check.anchors`.
base::Result<std::shared_ptr<const trust::TrustSet>> load_anchors(const std::filesystem::path& file);

}  // namespace countersign::check
