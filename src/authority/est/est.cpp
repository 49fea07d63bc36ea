#include "authority/est/est.h"

#include <algorithm>
#include <array>

#include "crypto/pem.h"
#include "http/problem.h"
#include "x509/certs_only.h"

namespace countersign::authority {
namespace {

using base::Kind;

constexpr std::size_t kLineLength = 64;
constexpr std::string_view kBasic = "basic ";
constexpr std::string_view kCsrType = "application/pkcs10";
constexpr const char* kCertsOnly = "application/pkcs7-mime; smime-type=certs-only";

/// SEQUENCE { SEQUENCE { id-ecPublicKey, SET { secp256r1 } }, ecdsa-with-SHA256 } (RFC 7030 section 4.5.2): the key we
/// recommend, not the only one that is taken.
constexpr std::array<std::uint8_t, 35> kCsrAttrs = {
    0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x31, 0x0a, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string without_white_space(std::string_view text) {
  std::string packed;
  packed.reserve(text.size());
  for (const char c : text)
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') packed += c;
  return packed;
}

/// Lines of 64 characters: what `openssl base64 -d` and every EST client read.
std::string to_lines(base::BytesView bytes) {
  const std::string packed = base::to_base64(bytes);
  std::string text;
  for (std::size_t at = 0; at < packed.size(); at += kLineLength)
    text += packed.substr(at, kLineLength) + "\n";
  return text;
}

/// RFC 8951 section 3.1: the body is base64 whatever this field says; old clients look for it all the same.
http::Response encoded(const char* type, base::BytesView bytes) {
  http::Response response;
  response.fields.add("Content-Type", type);
  response.fields.add("Content-Transfer-Encoding", "base64");
  response.body = to_lines(bytes);
  return response;
}

tl::unexpected<base::Error> no_credentials() {
  return base::fail(Kind::denied, "est.no_credentials",
                    "an enrolment code is needed as the password of HTTP Basic; any user name will do");
}

http::Response still_pending(const Pending& pending) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(pending.retry_after).count();
  http::Response response;
  response.status = 202;
  response.fields.add("Retry-After", std::to_string(std::max<std::int64_t>(seconds, 1)));
  response.fields.add("Content-Type", "text/plain");
  response.body = "The request " + pending.request + " waits for an approval: send it again, unchanged.\n";
  return response;
}

}  // namespace

bool is_est(const http::Request& request) {
  const auto path = request.path();
  return path && path->starts_with(kEstPrefix);
}

base::Result<trust::Purpose> parse_est_label(std::string_view label) {
  for (const trust::Purpose purpose : {trust::Purpose::transport, trust::Purpose::signing})
    if (label == trust::name(purpose)) return purpose;
  return base::fail(Kind::not_found, "est.unknown_label", "there is no such label: use transport or signing");
}

base::Result<base::Secret> basic_password(const http::Request& request) {
  const http::Fields& fields = request.head.fields;
  const auto field = fields.find("Authorization");
  if (!field || fields.count("Authorization") != 1) return no_credentials();
  if (to_lower(field->substr(0, kBasic.size())) != kBasic) return no_credentials();
  std::string_view packed = field->substr(kBasic.size());
  packed.remove_prefix(std::min(packed.find_first_not_of(' '), packed.size()));
  auto decoded = base::from_base64(packed);
  if (!decoded) return no_credentials();
  const base::Secret credentials(std::move(*decoded));
  const std::string_view text = credentials.reveal_text();
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return no_credentials();
  return base::Secret(text.substr(colon + 1));
}

base::Result<std::string> read_est_csr(const http::Request& request) {
  const std::string type = to_lower(request.head.fields.find("Content-Type").value_or(""));
  const std::string_view essence = std::string_view(type).substr(0, type.find(';'));
  if (without_white_space(essence) != kCsrType)
    return base::fail(Kind::invalid, "est.content_type",
                      "send the certificate request as 'Content-Type: application/pkcs10'");
  if (crypto::is_pem(request.body)) return request.body;
  const auto der = base::from_base64(without_white_space(request.body));
  if (!der || der->empty())
    return base::fail(Kind::invalid, "csr.malformed",
                      "the body is not base64 of a certificate request; "
                      "`openssl req -new -outform DER ... | openssl base64` makes one");
  return std::string(base::as_text(*der));
}

base::Result<http::Response> to_est_response(const Outcome& outcome) {
  if (const auto* pending = std::get_if<Pending>(&outcome)) return still_pending(*pending);
  BASE_TRY(const base::Bytes bag, x509::to_certs_only({std::get<Issued>(outcome).certificate}));
  return encoded(kCertsOnly, bag);
}

base::Result<http::Response> to_cacerts(const Hierarchy& hierarchy, trust::Purpose purpose) {
  std::vector<x509::Certificate> certificates = {hierarchy.root(Root::partner)};
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    if (ca.purposes.contains(purpose)) certificates.push_back(ca.certificate);
  BASE_TRY(const base::Bytes bag, x509::to_certs_only(certificates));
  return encoded("application/pkcs7-mime", bag);
}

http::Response to_csrattrs() { return encoded("application/csrattrs", kCsrAttrs); }

http::Response to_est_problem(const base::Error& error) {
  if (error.code == "est.content_type") return http::to_problem(error, 415);
  constexpr std::array kUnauthorised = {"est.no_credentials", "code.unknown", "code.cancelled", "code.expired"};
  if (std::ranges::find(kUnauthorised, error.code) == kUnauthorised.end()) return http::to_problem(error);
  http::Response response = http::to_problem(error, 401);
  if (error.code == "est.no_credentials") {
    // Whoever came without a code is asked for one, and told nothing: Bouncy Castle's client takes no body there.
    response.body.clear();
    response.fields.remove("Content-Type");
  }
  response.fields.add("WWW-Authenticate", R"(Basic realm="enrolment code", charset="UTF-8")");
  return response;
}

}  // namespace countersign::authority
