#include "http/head_parser.h"

#include <limits>

#include <boost/beast/http/basic_parser.hpp>

namespace countersign::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;

std::string to_string(beast::string_view text) { return {text.data(), text.size()}; }

/// Collects a head; our own reader frames the body, so that Beast never sees it.
template <bool is_request, class Head>
class HeadParser final : public beast::http::basic_parser<is_request> {
 public:
  HeadParser() {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // bounded by H1Limits already
    this->body_limit(boost::none);
  }
  Head head;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    if constexpr (is_request) {
      head.method = to_string(method);
      head.target = to_string(target);
      head.minor_version = version - 10;
    }
  }
  void on_response_impl(int status, beast::string_view reason, int version, error_code&) override {
    if constexpr (!is_request) {
      head.status = status;
      head.reason = to_string(reason);
      head.minor_version = version - 10;
    }
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code&) override {
    head.fields.add(to_string(name), to_string(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override { return body.size(); }
  void on_finish_impl(error_code&) override {}
};

template <bool is_request, class Head>
base::Result<Head> parse(std::string_view text) {
  HeadParser<is_request, Head> parser;
  error_code error;
  const std::size_t used = parser.put(boost::asio::const_buffer(text.data(), text.size()), error);
  if (error) return base::fail(base::Kind::invalid, "http.malformed", "the head is malformed: " + error.message());
  if (!parser.is_header_done() || used != text.size())
    return base::fail(base::Kind::invalid, "http.malformed", "the head does not end where it should");
  return std::move(parser.head);
}

}  // namespace

base::Result<RequestHead> parse_request_head(std::string_view head) { return parse<true, RequestHead>(head); }
base::Result<ResponseHead> parse_response_head(std::string_view head) { return parse<false, ResponseHead>(head); }

}  // namespace countersign::http
