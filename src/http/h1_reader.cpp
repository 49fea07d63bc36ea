#include "http/h1_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "http/line_scanner.h"
#include "http/refusal.h"
#include "http/strict_head.h"
#include "http/text.h"

namespace countersign::http {
namespace {

/// Room for a usual head: what an idle connection costs. Chunks are read in larger pieces.
constexpr std::size_t kHeadBuffer = 4 * 1024;
constexpr std::size_t kChunkBuffer = 16 * 1024;
constexpr int kMaxInterimResponses = 16;

tl::unexpected<base::Error> cut_off() {
  return base::fail(base::Kind::unavailable, "http.cut_off", "the peer closed in the middle of a message");
}

tl::unexpected<base::Error> unusable() {
  return malformed("the connection is not usable after what was refused before");
}

enum class Side { request, response };
enum class ChunkPart { line, data, end_of_data, trailers };

}  // namespace

struct H1Reader::Impl {
  Impl(net::Stream& s, H1Limits l) : stream(s), limits(l) {}

  net::Task<base::Result<bool>> fill(net::Deadline deadline);
  std::span<std::uint8_t> make_space(std::size_t at_least);
  net::Task<base::Result<std::size_t>> find_head_end(Side side, net::Deadline deadline);
  base::Result<std::size_t> scan_head(Side side, LineScanner& scanner, std::size_t& scanned);
  net::Task<base::Result<std::string_view>> read_line(std::size_t max_bytes, net::Deadline deadline);
  base::Result<RequestHead> take_request_head(std::size_t size);
  net::Task<base::Result<ResponseHead>> read_response_head(std::string method, net::Deadline deadline);
  net::Task<base::Result<std::size_t>> read_body_some(std::span<std::uint8_t> into, net::Deadline deadline);
  net::Task<base::Result<std::size_t>> read_plain(std::span<std::uint8_t> into, net::Deadline deadline);
  net::Task<base::Result<std::size_t>> read_chunked(std::span<std::uint8_t> into, net::Deadline deadline);
  net::Task<base::Result<void>> read_chunk_line(net::Deadline deadline);
  net::Task<base::Result<void>> read_trailers(net::Deadline deadline);

  std::size_t buffered() const { return end - begin; }
  std::string_view text(std::size_t size) const { return base::as_text({buffer.data() + begin, size}); }
  std::size_t take(std::span<std::uint8_t> into, std::size_t at_most);
  void start_body(const BodyFraming& body);
  /// After a refusal nothing more is read; a deadline that passed leaves what was read in place.
  template <class T>
  base::Result<T> checked(base::Result<T> result) {
    if (!result && result.error().code != "net.timeout") broken = true;
    return result;
  }

  net::Stream& stream;
  H1Limits limits;
  base::Bytes buffer;
  std::size_t begin = 0;
  std::size_t end = 0;

  BodyFraming body;
  std::uint64_t remaining = 0;  ///< of the body with a length, or of the chunk
  ChunkPart part = ChunkPart::line;
  std::size_t trailer_bytes = 0;
  Fields trailers;
  bool empty_line_skipped = false;
  bool at_end = true;
  bool keep_alive = true;
  bool broken = false;
};

/// Room behind those buffered, in a buffer of `at_least` so many bytes.
std::span<std::uint8_t> H1Reader::Impl::make_space(std::size_t at_least) {
  if (begin == end) begin = end = 0;
  if (end == buffer.size() && begin > 0) {
    std::memmove(buffer.data(), buffer.data() + begin, buffered());
    end -= begin;
    begin = 0;
  }
  if (end == buffer.size() || buffer.size() < at_least)
    buffer.resize(std::max(at_least, end == buffer.size() ? buffer.size() * 2 : buffer.size()));
  return {buffer.data() + end, buffer.size() - end};
}

/// More bytes behind those buffered; false at the end of the stream.
net::Task<base::Result<bool>> H1Reader::Impl::fill(net::Deadline deadline) {
  BASE_CO_TRY(const std::size_t got, co_await stream.read_some(make_space(kChunkBuffer), deadline));
  end += got;
  co_return got > 0;
}

/// Looks at the bytes that arrived; the size of the head once its end is seen, else 0.
base::Result<std::size_t> H1Reader::Impl::scan_head(Side side, LineScanner& scanner, std::size_t& scanned) {
  while (scanned < buffered()) {
    if (scanned >= limits.head_bytes)
      return base::fail(base::Kind::too_large, "http.head_too_large",
                        "the head is larger than " + std::to_string(limits.head_bytes) + " bytes");
    scanned += scanner.ordinary(text(std::min(buffered(), limits.head_bytes)).substr(scanned));
    if (scanned == buffered() || scanned >= limits.head_bytes) continue;
    const LineScanner::Seen seen = scanner.feed(buffer[begin + scanned++]);
    if (seen == LineScanner::Seen::more) continue;
    if (seen != LineScanner::Seen::line_end) return base::unexpected(LineScanner::to_error(seen));
    if (scanned >= 4 && text(scanned).ends_with("\r\n\r\n")) return scanned;
    if (scanned > 2) continue;
    if (side == Side::response || empty_line_skipped) return malformed("an empty line where a head should start");
    begin += std::exchange(scanned, 0);  // RFC 9112 section 2.2: one empty line before a request is ignored
    empty_line_skipped = true;
  }
  return 0;
}

/// The size of the head at the front of the buffer, or 0 when the peer closed before its first byte.
net::Task<base::Result<std::size_t>> H1Reader::Impl::find_head_end(Side side, net::Deadline deadline) {
  LineScanner scanner;
  std::size_t scanned = 0;
  bool started = false;
  empty_line_skipped = false;
  const net::Deadline overall = deadline;
  for (;;) {
    BASE_CO_TRY(const std::size_t size, scan_head(side, scanner, scanned));
    if (size > 0) co_return size;
    if (!started && (buffered() > 0 || empty_line_skipped)) {
      started = true;
      const net::Deadline head_deadline = net::Deadline::after(limits.head_time);
      deadline = side == Side::request ? head_deadline : net::Deadline::earlier(overall, head_deadline);
    }
    base::Result<std::size_t> got = co_await stream.read_some(make_space(kHeadBuffer), deadline);
    if (!got && started && got.error().code == "net.timeout" && deadline.at != overall.at)
      co_return base::fail(base::Kind::timeout, "http.head_timeout", "the head did not arrive in time");
    if (!got) co_return base::unexpected(std::move(got).error());
    end += *got;
    if (*got > 0) continue;
    if (scanned > 0) co_return cut_off();
    co_return std::size_t{0};
  }
}

/// One CRLF line without its end; the view lives until the next fill().
net::Task<base::Result<std::string_view>> H1Reader::Impl::read_line(std::size_t max_bytes, net::Deadline deadline) {
  LineScanner scanner;
  for (std::size_t scanned = 0;;) {
    while (scanned < buffered()) {
      if (scanned >= max_bytes + 2) co_return malformed("a chunk line or trailer is too long");
      const LineScanner::Seen seen = scanner.feed(buffer[begin + scanned++]);
      if (seen == LineScanner::Seen::more) continue;
      if (seen != LineScanner::Seen::line_end) co_return base::unexpected(LineScanner::to_error(seen));
      const std::string_view line = text(scanned - 2);
      begin += scanned;
      co_return line;
    }
    BASE_CO_TRY(const bool more, co_await fill(deadline));
    if (!more) co_return cut_off();
  }
}

void H1Reader::Impl::start_body(const BodyFraming& framing) {
  body = framing;
  remaining = framing.length;
  part = ChunkPart::line;
  trailer_bytes = 0;
  if (trailers.size() > 0) trailers = {};
  at_end = framing.framing == Framing::none;
}

/// The head of `size` bytes at the front of the buffer.
base::Result<RequestHead> H1Reader::Impl::take_request_head(std::size_t size) {
  BASE_TRY(auto read, http::read_request_head(text(size), limits));
  RequestHead& head = read.head;
  begin += size;
  start_body(read.body);
  keep_alive = head.minor_version == 1 ? !head.fields.has_token("Connection", "close")
                                       : head.fields.has_token("Connection", "keep-alive");
  return std::move(head);
}

net::Task<base::Result<ResponseHead>> H1Reader::Impl::read_response_head(std::string method, net::Deadline deadline) {
  if (broken) co_return unusable();
  for (int interim = 0; interim <= kMaxInterimResponses; ++interim) {
    const auto size = checked(co_await find_head_end(Side::response, deadline));
    if (!size) co_return base::unexpected(size.error());
    if (*size == 0) co_return checked<ResponseHead>(cut_off());
    auto read = checked(http::read_response_head(text(*size), method, limits));
    if (!read) co_return base::unexpected(std::move(read).error());
    ResponseHead& head = read->head;
    begin += *size;
    if (head.status < 200 && head.status != 101) continue;
    start_body(read->body);
    const bool wanted = head.minor_version == 1 ? !head.fields.has_token("Connection", "close")
                                                : head.fields.has_token("Connection", "keep-alive");
    keep_alive = wanted && read->body.framing != Framing::until_close && head.status != 101;
    co_return std::move(head);
  }
  co_return checked<ResponseHead>(malformed("too many interim responses"));
}

std::size_t H1Reader::Impl::take(std::span<std::uint8_t> into, std::size_t at_most) {
  const std::size_t size = std::min({into.size(), at_most, buffered()});
  std::memcpy(into.data(), buffer.data() + begin, size);
  begin += size;
  return size;
}

/// A body without chunks: what is buffered first, then straight from the stream into the caller's memory.
net::Task<base::Result<std::size_t>> H1Reader::Impl::read_plain(std::span<std::uint8_t> into, net::Deadline deadline) {
  const bool counted = body.framing == Framing::length;
  if (counted && remaining < into.size()) into = into.first(static_cast<std::size_t>(remaining));
  std::size_t got = take(into, into.size());
  if (got == 0) {
    BASE_CO_TRY(got, co_await stream.read_some(into, deadline));
    if (got == 0 && counted) co_return cut_off();
  }
  if (counted) remaining -= got;
  at_end = counted ? remaining == 0 : got == 0;
  co_return got;
}

net::Task<base::Result<void>> H1Reader::Impl::read_chunk_line(net::Deadline deadline) {
  BASE_CO_TRY(const std::string_view line, co_await read_line(limits.chunk_line_bytes, deadline));
  BASE_CO_TRY(remaining, parse_chunk_line(line));
  part = remaining > 0 ? ChunkPart::data : ChunkPart::trailers;
  co_return base::Result<void>();
}

net::Task<base::Result<void>> H1Reader::Impl::read_trailers(net::Deadline deadline) {
  for (std::size_t fields = 0;;) {
    BASE_CO_TRY(const std::string_view line, co_await read_line(limits.trailer_bytes - trailer_bytes, deadline));
    if (line.empty()) break;
    BASE_CO_TRY_VOID(check_field_line(line));
    trailer_bytes += line.size();
    const std::size_t colon = line.find(':');
    trailers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
    if (++fields > limits.fields) co_return malformed("too many trailers");
  }
  at_end = true;
  co_return base::Result<void>();
}

net::Task<base::Result<std::size_t>> H1Reader::Impl::read_chunked(std::span<std::uint8_t> into,
                                                                  net::Deadline deadline) {
  if (part == ChunkPart::end_of_data) {
    BASE_CO_TRY_VOID(co_await read_line(0, deadline));
    part = ChunkPart::line;
  }
  if (part == ChunkPart::line) BASE_CO_TRY_VOID(co_await read_chunk_line(deadline));
  if (part == ChunkPart::trailers) {
    BASE_CO_TRY_VOID(co_await read_trailers(deadline));
    co_return std::size_t{0};
  }
  if (buffered() == 0) {
    BASE_CO_TRY(const bool more, co_await fill(deadline));
    if (!more) co_return cut_off();
  }
  const std::size_t got = take(into, static_cast<std::size_t>(remaining));
  remaining -= got;
  if (remaining == 0) part = ChunkPart::end_of_data;
  co_return got;
}

net::Task<base::Result<std::size_t>> H1Reader::Impl::read_body_some(std::span<std::uint8_t> into,
                                                                    net::Deadline deadline) {
  if (at_end) co_return std::size_t{0};
  if (body.framing == Framing::chunked) co_return co_await read_chunked(into, deadline);
  co_return co_await read_plain(into, deadline);
}

H1Reader::H1Reader(net::Stream& stream, H1Limits limits) : impl_(std::make_unique<Impl>(stream, limits)) {}
H1Reader::~H1Reader() = default;
H1Reader::H1Reader(H1Reader&&) noexcept = default;

net::Task<base::Result<std::optional<RequestHead>>> H1Reader::read_request_head(net::Deadline idle) {
  BASE_CHECK(impl_->at_end);
  if (impl_->broken) co_return unusable();
  const auto size = impl_->checked(co_await impl_->find_head_end(Side::request, idle));
  if (!size) co_return base::unexpected(size.error());
  if (*size == 0) co_return std::optional<RequestHead>();
  auto head = impl_->checked(impl_->take_request_head(*size));
  if (!head) co_return base::unexpected(std::move(head).error());
  co_return std::optional<RequestHead>(std::move(*head));
}

net::Task<base::Result<ResponseHead>> H1Reader::read_response_head(std::string request_method, net::Deadline deadline) {
  BASE_CHECK(impl_->at_end);
  return impl_->read_response_head(std::move(request_method), deadline);
}

net::Task<base::Result<std::size_t>> H1Reader::read_body_some(std::span<std::uint8_t> into, net::Deadline deadline) {
  BASE_CHECK(!into.empty());
  if (impl_->broken) co_return unusable();
  co_return impl_->checked(co_await impl_->read_body_some(into, deadline));
}

std::string_view H1Reader::take_buffered_body(std::size_t at_most) {
  Impl& impl = *impl_;
  if (impl.at_end || impl.broken || impl.body.framing == Framing::chunked) return {};
  const bool counted = impl.body.framing == Framing::length;
  std::size_t size = std::min(at_most, impl.buffered());
  if (counted && impl.remaining < size) size = static_cast<std::size_t>(impl.remaining);
  const std::string_view taken = impl.text(size);
  impl.begin += size;
  if (counted) {
    impl.remaining -= size;
    impl.at_end = impl.remaining == 0;
  }
  return taken;
}

std::string H1Reader::take_rest() {
  BASE_CHECK(impl_->at_end);
  std::string rest(impl_->text(impl_->buffered()));
  impl_->begin = impl_->end;
  impl_->broken = true;
  return rest;
}

const Fields& H1Reader::trailers() const { return impl_->trailers; }

Framing H1Reader::framing() const { return impl_->body.framing; }
std::optional<std::uint64_t> H1Reader::content_length() const { return impl_->body.content_length; }
bool H1Reader::at_end_of_message() const { return impl_->at_end; }
bool H1Reader::keep_alive() const { return impl_->keep_alive && !impl_->broken; }
bool H1Reader::has_buffered() const { return impl_->buffered() > 0; }

}  // namespace countersign::http
