// Arbitrary bytes as a PROXY header. What is believed says two addresses, and says the same when it is written again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "net/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  const base::BytesView bytes{data, size};
  const auto length = net::proxy_header_size(bytes);
  const auto header = net::parse_proxy_header(bytes);
  BASE_CHECK(!header || (length && *length == size));
  if (!header || header->local) return 0;
  const auto again = net::parse_proxy_header(net::write_proxy_header(header->source, header->destination));
  BASE_CHECK(again);
  // An IPv4 address in IPv6 beside a genuine IPv6 one cannot be written in one family.
  BASE_CHECK(again->local || (again->source == header->source && again->destination == header->destination));
  return 0;
}
