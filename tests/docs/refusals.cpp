// docs/refusals.md, made from the tables in trust/reason.cpp, tls/alert.cpp, policy/reason.cpp, signatures/reason.cpp
// and oauth/reason.cpp, and checked against them by ctest.
//
//   refusals_doc FILE           exit status 1 when FILE is not what the tables say
//   refusals_doc --write FILE   writes it
#include <cstdio>
#include <string>

#include "base/files.h"
#include "oauth/reason.h"
#include "policy/reason.h"
#include "signatures/reason.h"
#include "tls/alert.h"
#include "trust/reason.h"

namespace {

using namespace countersign;

constexpr std::string_view kIntroduction =
    "# Refusals\n\n"
    "Why a certificate was not believed, [below](#refused-by-the-policy) why a request was not let through although "
    "its\n"
    "certificate was, [its signature](#signatures-that-are-refused) not believed, or "
    "[its token](#refused-by-the-authorisation-server-or-for-a-token) not given or not\n"
    "taken. A peer that is refused is sent a TLS alert and nothing more; the one to whom "
    "the\n"
    "certificate belongs finds the reason, and what mends it, with `countersign own refusals`, within seconds where "
    "the "
    "authority\n"
    "issued it, or by asking `countersign verify`; the provider with `countersign admin refusals`, in the record "
    "`tls.refused` of\n"
    "the gateway's log (field `reason`), and in the metric `countersign_gateway_refusals_total`. The names are stable "
    "and the list\n"
    "is closed.\n\n"
    "Who can mend it depends on whose certificate it is. **What to do** is for whoever calls, or signs, with a "
    "certificate of the\n"
    "provider's authority. A server that is called - a partner's by the provider (`X-Countersign-Refusal`, "
    "`countersign "
    "check ehi`), an\n"
    "[upstream](upstreams.md) by the gateway - mostly has one of a public CA: **if a server was refused** is for "
    "whoever "
    "runs it.\n"
    "**If the authority or the gateway was** is for whoever called those, with `countersign` for example.\n\n"
    "This page is written from the tables in `src/trust/reason.cpp`, `src/tls/alert.cpp`, `src/policy/reason.cpp` and\n"
    "`src/signatures/reason.cpp` and `src/oauth/reason.cpp`; a test fails when it differs.\n"
    "Write it anew with `build/dev/tests/docs/refusals_doc --write docs/refusals.md`.\n\n"
    "With TLS 1.2, `no_certificate` is answered with `handshake_failure`: the older protocol has no alert of its own "
    "for it.\n"
    "`access_denied` would say more about `suspended` than `certificate_unknown` does, but OpenSSL's verifier cannot "
    "send it\n"
    "(docs/adr/0010).\n";

constexpr std::string_view kPolicyIntroduction =
    "\n# Refused by the policy\n\n"
    "Why a request of a partner who was let in is not let through. It is answered with the status below and a problem "
    "(RFC 9457)\n"
    "that names the code, what was asked, by whom, and what to do; 429 says in `Retry-After` how many seconds to wait. "
    "The\n"
    "provider finds it as `policy.refused` in the log and as `countersign_gateway_policy_refused_total` in the "
    "metrics, "
    "and\n"
    "asks `countersign-gateway policy check` which grant was missing; see [policy.md](policy.md).\n";

constexpr std::string_view kSignaturesIntroduction =
    "\n# Signatures that are refused\n\n"
    "Why a request of a partner who was let in is not believed to be written by it. The answer is a problem (RFC 9457) "
    "that\n"
    "names the code and what exactly was found, and `Accept-Signature` lists what has to be signed. The provider finds "
    "it as\n"
    "`signature.refused` in the log and as `countersign_gateway_signatures_requests_total` in the metrics;\n"
    "`countersign verify-signature` says the same of a message offline. See "
    "[message-signatures.md](message-signatures.md).\n";

/// A table of codes with their status, then each with meaning and remedy.
template <class Explanations>
std::string codes_part(std::string_view introduction, Explanations explanations) {
  std::string text(introduction);
  text += "\n| code | status |\n|---|---|\n";
  // An anchor drops the dot of the heading it leads to.
  for (const auto& e : explanations) {
    std::string anchor(e.code);
    std::erase(anchor, '.');
    text += "| [" + std::string(e.code) + "](#" + anchor + ") | " + std::to_string(e.status) + " |\n";
  }
  for (const auto& e : explanations)
    text += "\n## " + std::string(e.code) + "\n\n" + std::string(e.meaning) + "\n\n**What to do:** " +
            std::string(e.remedy) + "\n";
  return text;
}

constexpr std::string_view kOauthIntroduction =
    "\n# Refused by the authorisation server, or for a token\n\n"
    "Why the token endpoint gave no token, or a route that demands one took none. The answer is JSON in OAuth's words "
    "(`error`,\n"
    "`error_description`) with the code beside them, and `WWW-Authenticate` where the status is 401 or 403. The "
    "provider "
    "finds it\n"
    "as `oauth.refused` in the audit log and the log of the authority, or as `token.refused` in the log of the gateway "
    "and as\n"
    "`countersign_gateway_tokens_refused_total` in its metrics; see [oauth.md](oauth.md).\n";

std::string oauth_part() {
  std::string text(kOauthIntroduction);
  text += "\n| code | error | status |\n|---|---|---|\n";
  for (const oauth::Explanation& e : oauth::explanations()) {
    std::string anchor(e.code);
    std::erase(anchor, '.');
    text += "| [" + std::string(e.code) + "](#" + anchor + ") | " + std::string(e.error) + " | " +
            std::to_string(e.status) + " |\n";
  }
  for (const oauth::Explanation& e : oauth::explanations())
    text += "\n## " + std::string(e.code) + "\n\n" + std::string(e.meaning) + "\n\n**What to do:** " +
            std::string(e.remedy) + "\n";
  return text;
}

std::string_view heading(trust::Party party) {
  switch (party) {
    case trust::Party::client: return "What to do:";
    case trust::Party::server: return "If a server was refused:";
    case trust::Party::platform: return "If the authority or the gateway was:";
  }
  return {};
}

std::string page() {
  std::string text(kIntroduction);
  text += "\n| reason | alert to the peer | number |\n|---|---|---|\n";
  for (const trust::Explanation& e : trust::explanations()) {
    const tls::Alert alert = tls::to_alert(e.reason);
    text += "| [" + std::string(e.name) + "](#" + std::string(e.name) + ") | " + std::string(tls::name(alert)) + " | " +
            std::to_string(static_cast<int>(alert)) + " |\n";
  }
  for (const trust::Explanation& e : trust::explanations()) {
    text += "\n## " + std::string(e.name) + "\n\n" + std::string(e.meaning) + "\n";
    for (const trust::Party party : trust::kParties)
      text += "\n**" + std::string(heading(party)) + "** " + std::string(e.remedy(party)) + "\n";
  }
  return text + codes_part(kPolicyIntroduction, policy::explanations()) +
         codes_part(kSignaturesIntroduction, signatures::explanations()) + oauth_part();
}

}  // namespace

int main(int argc, char** argv) {
  const bool write = argc == 3 && std::string(argv[1]) == "--write";
  if (argc != 2 && !write) return std::fputs("usage: refusals_doc [--write] FILE\n", stderr), 2;
  const std::string file = argv[argc - 1];
  if (write) return base::write_file(file, page(), base::FileMode::world_readable) ? 0 : 1;
  const auto found = base::read_file(file);
  if (found && *found == page()) return 0;
  std::fprintf(stderr, "%s is not what the tables say: run refusals_doc --write %s\n", file.c_str(), file.c_str());
  return 1;
}
