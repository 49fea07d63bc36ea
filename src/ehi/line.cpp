#include "ehi/line.h"

#include "http/whole_body.h"

namespace countersign::ehi {
namespace {

http::ClientOptions client_options(const LineTerms& terms) {
  http::ClientOptions options;
  options.host = terms.host;
  options.response_bytes = terms.response_bytes;
  return options;
}

http::H2Client::Options h2_options(SharedLine::Options options) {
  return {.limits = {.idle_time = options.idle_time}, .changed = [] {}};
}

}  // namespace

Line::Line(LineTerms terms, std::unique_ptr<net::Stream> stream)
    : terms_(std::move(terms)), stream_(std::move(stream)), client_(*stream_, client_options(terms_)) {}

net::Task<base::Result<http::Response>> Line::send(http::Request request, net::Deadline deadline) {
  return client_.send(std::move(request), deadline);
}

SharedLine::SharedLine(net::Loop& loop, LineTerms terms, std::unique_ptr<net::Stream> stream, Options options,
                       const base::Log& log)
    : terms_(std::move(terms)), stream_(std::move(stream)), client_(loop, *stream_, h2_options(options), log) {}

std::shared_ptr<SharedLine> SharedLine::begin(net::Loop& loop, LineTerms terms, std::unique_ptr<net::Stream> stream,
                                              Options options, const base::Log& log) {
  std::shared_ptr<SharedLine> self(new SharedLine(loop, std::move(terms), std::move(stream), options, log));
  net::spawn(loop, run(self), "ehi.h2", log);
  return self;
}

/// Why it ended, its calls tell.
net::Task<void> SharedLine::run(std::shared_ptr<SharedLine> self) {
  (void)co_await self->client_.run();
  self->ended_ = true;
}

net::Task<base::Result<http::Response>> SharedLine::send(std::shared_ptr<SharedLine> line, const http::Request& request,
                                                         net::Deadline deadline) {
  const auto begun = std::chrono::steady_clock::now();
  auto response = co_await line->exchange(request, deadline);
  if (response) co_return std::move(response);
  const base::Error& error = response.error();
  // A connection that died in silence would swallow one call after the other.
  if (error.kind == base::Kind::timeout && line->client_.heard_at() < begun) line->wind_down();
  auto ending = line->client_.failure();
  if (ending && (error.code == "http.cut_off" || ending->code.starts_with("tls.")))
    co_return base::unexpected(std::move(*ending));
  co_return std::move(response);
}

net::Task<base::Result<http::Response>> SharedLine::exchange(const http::Request& request, net::Deadline deadline) {
  http::H2ClientStream stream = client_.open();
  std::vector<http::FieldView> fields;
  for (const http::Field& field : request.head.fields)
    fields.push_back({field.name, field.value});
  const std::string length = std::to_string(request.body.size());
  fields.push_back({"content-length", length});
  const auto body = request.body.empty() ? http::H2ClientStream::Body::none : http::H2ClientStream::Body::follows;
  const http::H2ClientStream::Head head{request.head.method, "https", terms_.host, request.head.target, fields};
  BASE_CO_TRY_VOID(stream.send_head(head, body));
  const auto sent = co_await send_body(stream, request.body, deadline);
  if (!sent && sent.error().kind == base::Kind::timeout) co_return base::unexpected(sent.error());
  // A server may answer and give the rest up before it has read everything (413): its answer tells more.
  BASE_CO_TRY(http::ResponseHead answer, co_await stream.read_head(deadline));
  http::Response response;
  response.status = answer.status;
  response.fields = std::move(answer.fields);
  BASE_CO_TRY(response.body, co_await read_body(stream, deadline));
  co_return std::move(response);
}

net::Task<base::Result<void>> SharedLine::send_body(http::H2ClientStream& stream, const std::string& body,
                                                    net::Deadline deadline) {
  if (body.empty()) co_return base::Result<void>();
  auto written = co_await stream.write(body, deadline);
  if (!written) co_return std::move(written);
  http::Fields no_trailers;
  co_return co_await stream.finish(std::move(no_trailers), deadline);
}

net::Task<base::Result<std::string>> SharedLine::read_body(http::H2ClientStream& stream, net::Deadline deadline) const {
  http::WholeBody body(terms_.response_bytes);
  while (!stream.at_end_of_message()) {
    BASE_CO_TRY(const std::size_t got, co_await stream.read_body_some(body.space(), deadline));
    body.took(got);
    if (body.is_too_large())
      co_return base::fail(base::Kind::too_large, "http.response_too_large",
                           "the response is larger than " + std::to_string(terms_.response_bytes) + " bytes");
  }
  co_return std::move(body).take();
}

}  // namespace countersign::ehi
