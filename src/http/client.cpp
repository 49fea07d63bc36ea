#include "http/client.h"

#include "http/whole_body.h"

namespace countersign::http {
namespace {

constexpr std::size_t kOneWriteBytes = 64 * 1024;

/// RFC 9110 section 8.6: these have a Content-Length even when the body is empty.
bool usually_has_body(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

}  // namespace

Client::Client(net::Stream& stream, ClientOptions options)
    : stream_(stream), options_(std::move(options)), reader_(stream, H1Limits()) {}

bool Client::reusable() const { return reusable_; }

net::Task<base::Result<Response>> Client::send(Request request, net::Deadline deadline) {
  if (!reusable_)
    co_return base::fail(base::Kind::conflict, "http.not_reusable", "the connection cannot carry another request");
  reusable_ = false;  // until this exchange has ended well
  BASE_CO_TRY(ResponseHead head, co_await exchange(std::move(request), deadline));
  Response response;
  response.status = head.status;
  response.fields = std::move(head.fields);
  BASE_CO_TRY(response.body, co_await read_body(deadline));
  reusable_ = reader_.keep_alive() && !reader_.has_buffered();
  co_return std::move(response);
}

net::Task<base::Result<ResponseHead>> Client::exchange(Request request, net::Deadline deadline) {
  Fields& fields = request.head.fields;
  for (const std::string_view ours : {"Content-Length", "Transfer-Encoding"})
    fields.remove(ours);
  fields.set("Host", options_.host);
  if (!request.body.empty() || usually_has_body(request.head.method))
    fields.add("Content-Length", std::to_string(request.body.size()));
  std::string text = serialise(request.head);
  const bool together = request.body.size() <= kOneWriteBytes;
  if (together) text += request.body;
  base::Result<void> written = co_await stream_.write_all(base::as_bytes(text), deadline);
  if (written && !together) written = co_await stream_.write_all(base::as_bytes(request.body), deadline);
  // A server may answer and close before it has read everything (413): its answer tells more than the failed write.
  if (!written && written.error().code != "net.reset") co_return base::unexpected(std::move(written).error());
  base::Result<ResponseHead> head = co_await reader_.read_response_head(request.head.method, deadline);
  if (!head && !written) co_return base::unexpected(std::move(written).error());
  if (head && head->status < 200)  // 101: we never ask for another protocol, RFC 9110 section 15.2.2
    co_return base::fail(base::Kind::invalid, "http.malformed", "the server switched to a protocol nobody asked for");
  co_return std::move(head);
}

net::Task<base::Result<std::string>> Client::read_body(net::Deadline deadline) {
  const auto too_large = [&] {
    return base::fail(base::Kind::too_large, "http.response_too_large",
                      "the response is larger than " + std::to_string(options_.response_bytes) + " bytes");
  };
  if (!reader_.at_end_of_message() && reader_.content_length().value_or(0) > options_.response_bytes)
    co_return too_large();
  WholeBody body(options_.response_bytes);
  while (!reader_.at_end_of_message()) {
    BASE_CO_TRY(const std::size_t got, co_await reader_.read_body_some(body.space(), deadline));
    body.took(got);
    if (body.is_too_large()) co_return too_large();
  }
  co_return std::move(body).take();
}

}  // namespace countersign::http
