#include "authority/status/site.h"

#include <algorithm>

namespace countersign::authority {
namespace {

constexpr std::string_view kOcspPath = "/ocsp";
constexpr std::string_view kOcspRequestType = "application/ocsp-request";
constexpr std::string_view kOcspResponseType = "application/ocsp-response";

http::Response plain(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.fields.add("Content-Type", "text/plain");
  response.body = std::move(text) + "\n";
  return response;
}

http::Response not_allowed(std::string allowed) {
  http::Response response = plain(405, "use " + allowed + " here");
  response.fields.add("Allow", std::move(allowed));
  return response;
}

std::int64_t seconds_until(base::Instant end, base::Instant now) {
  return std::max<std::int64_t>(0, (end - now).count() / 1'000'000);
}

/// RFC 5019 section 6.2.
void add_caching(http::Response& response, base::Instant made_at, base::Instant good_until, std::int64_t max_age) {
  response.fields.add("Last-Modified", http::to_http_date(made_at));
  response.fields.add("Expires", http::to_http_date(good_until));
  response.fields.add("Cache-Control",
                      "max-age=" + std::to_string(max_age) + ", public, no-transform, must-revalidate");
}

bool is_reading(const http::Request& request) { return request.head.method == "GET" || request.head.method == "HEAD"; }

/// The media type alone, without parameters.
std::string media_type_of(const http::Request& request) {
  std::string text(request.head.fields.find("Content-Type").value_or(""));
  text.resize(std::min(text.find(';'), text.size()));
  while (text.ends_with(' '))
    text.pop_back();
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// RFC 6960 appendix A.1: base64, then escaped for a URL. Some clients leave the padding away.
std::optional<base::Bytes> decode(std::string text) {
  while (text.size() % 4 != 0)
    text += '=';
  auto der = base::from_base64(text);
  if (!der) return std::nullopt;
  return std::move(*der);
}

}  // namespace

http::Response StatusSite::serve_file(const ServedFile& file, const http::Request& request, base::Instant now) const {
  if (!is_reading(request)) return not_allowed("GET, HEAD");
  http::Response response;
  response.fields.add("Content-Type", file.media_type);
  response.fields.add("ETag", file.etag);
  const std::int64_t longest = kFileMaxAge.count() / 1'000'000;
  add_caching(response, file.made_at, file.good_until, std::min(longest, seconds_until(file.good_until, now)));
  if (request.head.fields.has_token("If-None-Match", file.etag)) response.status = 304;
  else response.body = *file.content;
  return response;
}

http::Response StatusSite::serve_ocsp(base::BytesView request, const StatusSnapshot& snapshot, base::Instant now) {
  const OcspReply reply = answers_.answer(request, snapshot, now);
  http::Response response;
  response.fields.add("Content-Type", std::string(kOcspResponseType));
  if (reply.good_until) add_caching(response, *reply.made_at, *reply.good_until, seconds_until(*reply.good_until, now));
  else response.fields.add("Cache-Control", "no-store");
  response.body = *reply.der;
  return response;
}

http::Response StatusSite::respond(const http::Request& request, base::Instant now) {
  const auto snapshot = status_.take();
  if (snapshot == nullptr || snapshot->files == nullptr) return plain(503, "nothing is known yet: ask again");
  const auto path = request.path();
  if (!path) return plain(400, "the path cannot be read");
  if (const auto file = snapshot->files->find(*path); file != snapshot->files->end())
    return serve_file(file->second, request, now);
  if (!path->starts_with(kOcspPath)) return plain(404, "there is no such CRL or certificate");

  const std::string rest = path->substr(kOcspPath.size());
  if (rest.empty() || rest == "/") {
    if (request.head.method != "POST") return not_allowed("POST");
    if (media_type_of(request) != kOcspRequestType) return plain(415, "send application/ocsp-request");
    return serve_ocsp(base::as_bytes(request.body), *snapshot, now);
  }
  if (!rest.starts_with('/')) return plain(404, "there is no such CRL or certificate");
  if (!is_reading(request)) return not_allowed("GET, HEAD");
  const auto der = decode(rest.substr(1));
  return serve_ocsp(der ? *der : base::Bytes(), *snapshot, now);
}

}  // namespace countersign::authority
