#include "gateway/trust_view.h"

#include <algorithm>

namespace countersign::gateway {
namespace {

trust::Policy policy_of(base::Environment environment) {
  return {.purposes = {trust::Purpose::transport}, .environment = environment};
}

}  // namespace

TrustView::TrustView(Options options, const feed::Knowledge& knowledge, const base::Clock& clock, const base::Log& log)
    : options_(std::move(options)),
      knowledge_(knowledge),
      clock_(clock),
      log_(log),
      chains_(policy_of(options_.environment)) {}

base::Result<std::unique_ptr<TrustView>> TrustView::make(Options options, const feed::Knowledge& knowledge,
                                                         const base::Clock& clock, const base::Log& log) {
  std::unique_ptr<TrustView> view(new TrustView(std::move(options), knowledge, clock, log));
  view->whole_ = knowledge.trust();
  BASE_TRY(view->narrowed_, view->narrow(view->whole_));
  return view;
}

base::Result<std::shared_ptr<const trust::TrustSet>> TrustView::narrow(
    std::shared_ptr<const trust::TrustSet> whole) const {
  const auto is_ours = [&](const x509::Certificate& root) {
    return std::ranges::find(options_.roots, root) != options_.roots.end();
  };
  if (std::ranges::all_of(whole->anchors().anchors(), is_ours)) return whole;
  BASE_TRY(auto narrowed, whole->narrowed_to(options_.roots, clock_.now()));
  return std::make_shared<const trust::TrustSet>(std::move(narrowed));
}

std::shared_ptr<const trust::TrustSet> TrustView::trust() const {
  auto whole = knowledge_.trust();
  const std::lock_guard lock(mutex_);
  if (whole == whole_) return narrowed_;
  whole_ = std::move(whole);
  auto narrowed = narrow(whole_);
  if (narrowed) narrowed_ = std::move(*narrowed);
  else log_.error("gateway.trust_kept", {{"error", base::to_string(narrowed.error())}});
  return narrowed_;
}

base::Result<trust::AdmittedChain, trust::Refusal> TrustView::judge(const trust::Presented& presented) {
  return chains_.judge(presented, trust(), knowledge_.registry(), clock_.now());
}

bool TrustView::believes(const trust::AdmittedChain& admitted) const {
  const auto now = trust();
  const auto& anchors = now->anchors().anchors();
  return admitted.identity().environment == options_.environment &&
         std::ranges::find(anchors, admitted.chain().path().back()) != anchors.end();
}

std::vector<x509::Certificate> TrustView::acceptable_issuers() const {
  std::vector<x509::Certificate> issuers;
  for (const trust::IssuingCa& ca : trust()->issuing_cas())
    if (ca.environment == options_.environment && ca.purposes.contains(trust::Purpose::transport))
      issuers.push_back(ca.certificate);
  return issuers;
}

crypto::Digest256 TrustView::digest() const {
  const auto now = trust();
  std::string text =
      "transport " + std::string(base::name(options_.environment)) + " " + std::to_string(now->generation());
  for (const x509::Certificate& root : now->anchors().anchors())
    text += base::as_text(root.fingerprint());
  return crypto::sha256(base::as_bytes(text));
}

}  // namespace countersign::gateway
