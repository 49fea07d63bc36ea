// Whatever is presented as a chain: built against anchors taken from the input itself, so that deep paths are reached.
// The input is a PEM text: the last CA in it is the anchor, the first certificate the leaf.
#include <algorithm>

#include "base/check.h"
#include "x509/path.h"

namespace {

using countersign::x509::Certificate;

void check(const std::vector<Certificate>& chain, const countersign::x509::AnchorSet& anchors) {
  using namespace countersign;
  const std::vector<Certificate> presented(chain.begin() + 1, chain.end());
  const x509::PathQuery query{chain.front(), presented, chain.front().not_before()};
  const auto path = x509::build_path(query, anchors);
  if (!path) {
    BASE_CHECK(path.error().depth >= 0 && !path.error().detail.empty());
    return;
  }
  BASE_CHECK(path->front() == chain.front());
  BASE_CHECK(std::ranges::find(anchors.anchors(), path->back()) != anchors.anchors().end());
  for (std::size_t i = 0; i + 1 < path->size(); ++i) {
    BASE_CHECK((*path)[i].is_signed_by((*path)[i + 1].public_key()));
    BASE_CHECK((*path)[i].has_strong_signature());
    BASE_CHECK((*path)[i].not_before() <= query.at && query.at <= (*path)[i].not_after());
    if (i > 0) BASE_CHECK((*path)[i].is_ca());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  const auto chain = Certificate::all_from_pem(base::as_text({data, size}));
  if (!chain || chain->size() > 8) return 0;
  for (std::size_t i = chain->size(); i-- > 0;) {
    const auto anchors = x509::AnchorSet::make({(*chain)[i]}, {});
    if (!anchors) continue;
    check(*chain, *anchors);
    break;
  }
  return 0;
}
