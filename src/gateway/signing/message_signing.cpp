#include "gateway/signing/message_signing.h"

#include "base/metric_text.h"

namespace countersign::gateway {
namespace {

constexpr base::MetricText kMetrics{"countersign_gateway_signatures_"};

}  // namespace

base::Result<void> MessageSigning::use_credential(std::shared_ptr<const tls::Credential> credential) {
  BASE_TRY(const auto key, signatures::VerificationKey::of(credential->chain.front()));
  const auto scheme = signatures::http_scheme(key.key().type());
  if (!scheme) return base::fail(base::Kind::invalid, "jwk.unsupported", "such a key signs no messages");
  own_key_.publish(std::make_shared<const OwnKey>(OwnKey{std::move(credential), key.thumbprint(), *scheme}));
  return {};
}

bool MessageSigning::Held::grow(std::size_t by) {
  if (of_.held_.fetch_add(by, std::memory_order_relaxed) + by > kHeldContent) {
    of_.held_.fetch_sub(by, std::memory_order_relaxed);
    return false;
  }
  size_ += by;
  return true;
}

std::string MessageSigning::metrics() const {
  std::string text =
      kMetrics.heading("requests_total", "counter", "Requests that had to be signed, by what was found.");
  text += kMetrics.line("requests_total", base::metric_label("code", "ok"), good_.load(std::memory_order_relaxed));
  for (const signatures::Explanation& e : signatures::explanations()) {
    const auto count = refused_[static_cast<std::size_t>(e.reason)].load(std::memory_order_relaxed);
    if (count > 0) text += kMetrics.line("requests_total", base::metric_label("code", e.code), count);
  }
  text += kMetrics.heading("responses_total", "counter", "Responses that were signed.");
  text += kMetrics.line("responses_total", "", responses_.load(std::memory_order_relaxed));
  text += kMetrics.heading("held_bytes", "gauge", "Content that is held until it is checked or signed.");
  return text + kMetrics.line("held_bytes", "", std::uint64_t{held_.load(std::memory_order_relaxed)});
}

}  // namespace countersign::gateway
