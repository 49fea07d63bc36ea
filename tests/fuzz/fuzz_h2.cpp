// Arbitrary frames behind the preface, through H2Session: whole, and in pieces. What is handed over as a request is
// one, and what is said holds together as frames.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "http/h2_session.h"
#include "http/memory_stream.h"

namespace {

using namespace countersign;

net::Deadline soon() { return net::Deadline::after(std::chrono::milliseconds(50)); }

void check_head(const http::H2Stream& stream) {
  const http::RequestHead& head = stream.head();
  BASE_CHECK(!head.method.empty() && head.fields.count("Host") == 1);
  BASE_CHECK(head.target.starts_with('/') || head.method == "OPTIONS" || head.method == "CONNECT");
  const http::H1Limits limits;
  BASE_CHECK(head.fields.size() <= limits.fields + 2 && head.target.size() <= limits.head_bytes);
  for (const http::Field& field : head.fields) {
    BASE_CHECK(field.value.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos);
    BASE_CHECK(field.name != "connection" && field.name != "transfer-encoding" && !field.name.starts_with(':'));
  }
  BASE_CHECK((stream.framing() == http::Framing::length) <= stream.content_length().has_value());
}

net::Task<void> serve(http::H2Stream stream) {
  if (!stream.refusal()) check_head(stream);
  base::Bytes buffer(64);
  std::uint64_t size = 0;
  while (!stream.at_end_of_message()) {
    const auto got = co_await stream.read_body_some(buffer, soon());
    if (!got) co_return;
    size += *got;
  }
  if (const auto length = stream.content_length()) BASE_CHECK(*length == size);  // half a body never looks whole
  stream.send_head(200, {}, http::H2Stream::Body::follows);
  stream.hold("ok");
  (void)co_await stream.finish(soon());
}

net::Task<void> run(http::H2Session& session) { (void)co_await session.run(); }

void check_frames(std::string_view out) {
  while (!out.empty()) {
    BASE_CHECK(out.size() >= 9);
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(out[at])); };
    const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    BASE_CHECK(size <= 16 * 1024 && out.size() >= 9 + size);
    out.remove_prefix(9 + size);
  }
}

void feed(std::vector<std::string> pieces) {
  const base::SystemClock clock;
  const std::unique_ptr<base::LogSink> sink = base::stderr_sink();
  const base::Log log({"fuzz"}, clock, *sink);
  net::Loop loop;
  http::MemoryStream stream(std::move(pieces));
  http::H2Session::Options options;
  options.serve = [&](http::H2Stream request) { net::spawn(loop, serve(std::move(request)), "serve", log); };
  options.malformed = [](const base::Error& error) { BASE_CHECK(!error.code.empty()); };
  http::H2Session session(loop, stream, std::move(options), log);
  net::spawn(loop, run(session), "session", log);
  loop.run();
  check_frames(stream.written());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(base::as_text({data, size}));
  feed(http::MemoryStream::in_pieces(bytes, bytes.size()));
  feed(http::MemoryStream::in_pieces(bytes, 7));
  return 0;
}
