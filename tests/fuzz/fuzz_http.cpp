// Arbitrary bytes as requests and as a response, through H1Reader: whole, and byte by byte with the same outcome.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "http/h1_reader.h"
#include "http/memory_stream.h"
#include "net/loop.h"

namespace {

using namespace countersign;

net::Deadline far() { return net::Deadline::after(std::chrono::hours(1)); }

net::Task<bool> append_body(http::H1Reader& reader, std::string& outcome) {
  base::Bytes buffer(64);
  while (!reader.at_end_of_message()) {
    const base::Result<std::size_t> got = co_await reader.read_body_some(buffer, far());
    if (!got) outcome += "!" + got.error().code;
    if (!got) co_return false;
    outcome += base::as_text({buffer.data(), *got});
  }
  co_return true;
}

net::Task<void> read_requests(net::Stream& stream, std::string& outcome) {
  http::H1Reader reader(stream, http::H1Limits());
  for (;;) {
    const base::Result<std::optional<http::RequestHead>> head = co_await reader.read_request_head(far());
    if (!head) outcome += "!" + head.error().code;
    if (!head || !*head) co_return;
    outcome += http::serialise(**head);
    if (!co_await append_body(reader, outcome)) co_return;
  }
}

net::Task<void> read_response(net::Stream& stream, std::string& outcome) {
  http::H1Reader reader(stream, http::H1Limits());
  const base::Result<http::ResponseHead> head = co_await reader.read_response_head("GET", far());
  if (!head) outcome += "!" + head.error().code;
  if (!head) co_return;
  outcome += http::serialise(*head);
  co_await append_body(reader, outcome);
}

enum class Role { requests, response };

std::string outcome_of(std::vector<std::string> pieces, Role role) {
  const base::SystemClock clock;
  const std::unique_ptr<base::LogSink> sink = base::stderr_sink();
  const base::Log log({"fuzz"}, clock, *sink);
  net::Loop loop;
  http::MemoryStream stream(std::move(pieces));
  std::string outcome;
  net::spawn(loop, role == Role::requests ? read_requests(stream, outcome) : read_response(stream, outcome), "fuzz",
             log);
  loop.run();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(base::as_text({data, size}));
  for (const Role role : {Role::requests, Role::response}) {
    const std::string whole = outcome_of(http::MemoryStream::in_pieces(bytes, size + 1), role);
    BASE_CHECK(whole == outcome_of(http::MemoryStream::byte_by_byte(bytes), role));
  }
  return 0;
}
