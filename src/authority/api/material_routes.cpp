// The route by which monitoring sees how old the authority's own material is, as Prometheus reads it.
#include <array>

#include "authority/api/json.h"
#include "authority/api/routes.h"
#include "authority/notices/own_material.h"
#include "base/metric_text.h"

namespace countersign::authority {
namespace {

std::int64_t seconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string labels_of(const OwnMaterial& one) {
  return base::metric_label("kind", name(one.kind)) + "," + base::metric_label("issuer", one.issuer);
}

std::string ca_lines(const base::MetricText& metrics, const Hierarchy& hierarchy, base::Instant now) {
  std::string text;
  const auto add = [&](const std::string& ca, const x509::Certificate& certificate) {
    text += metrics.line("ca_good_for_seconds", base::metric_label("ca", ca), seconds(certificate.not_after() - now));
  };
  for (const RootCa& root : hierarchy.roots())
    if (root.is_trusted) add(root.key_name(), root.certificate);
  for (const IssuingCa& ca : hierarchy.issuing_cas())
    if (is_trusted(ca.state)) add(ca.name, ca.certificate);
  return text;
}

Answer show_metrics(Authority& authority, const Operator&, const Call&) {
  const base::Instant now = authority.clock().now();
  BASE_TRY(auto rows, authority.ledger().read());
  BASE_TRY(const auto material, list_own_material(rows, authority.hierarchy(), now));
  constexpr base::MetricText kMetrics("countersign_authority_");
  std::string text = kMetrics.heading("own_material_age_seconds", "gauge", "Since a CRL or responder was made.");
  for (const OwnMaterial& one : material)
    text += kMetrics.line("own_material_age_seconds", labels_of(one), seconds(now - one.made_at));
  text += kMetrics.heading("own_material_good_for_seconds", "gauge", "Until it is over; negative since then.");
  for (const OwnMaterial& one : material)
    text += kMetrics.line("own_material_good_for_seconds", labels_of(one), seconds(one.good_until - now));
  text += kMetrics.heading("ca_good_for_seconds", "gauge", "Until the certificate of a CA ends.");
  text += ca_lines(kMetrics, authority.hierarchy(), now);
  http::Response response;
  response.fields.add("Content-Type", "text/plain; version=0.0.4");
  response.fields.add("Cache-Control", "no-store");
  response.body = std::move(text);
  return response;
}

}  // namespace

std::span<const Route> material_routes() {
  static constexpr std::array kRoutes = {
      Route{"GET", "/v1/metrics", OperatorHandler{Right::look, show_metrics}},
  };
  return kRoutes;
}

}  // namespace countersign::authority
