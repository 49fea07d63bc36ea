#include "authority/status/ocsp_answers.h"

#include <algorithm>

namespace countersign::authority {
namespace {

using x509::CertId;
using x509::OcspRefusal;
using x509::OcspRequest;
using x509::OcspStatus;

OcspReply refuse(OcspRefusal why) {
  return {std::make_shared<const std::string>(base::as_text(x509::ocsp_refusal(why)))};
}

/// The CA of ours that all of it is about.
const CaStatus* find_ca(const OcspRequest& request, const StatusSnapshot& snapshot) {
  for (const auto& ca : snapshot.cas)
    if (std::ranges::all_of(request.cert_ids(), [&](const CertId& id) { return ca->names.are_in(id); }))
      return ca.get();
  return nullptr;
}

std::optional<CertificateStatus> find_status(const CertId& id, const CaStatus& ca) {
  const auto serial = to_octets(id.serial);
  return serial ? ca.book.find(*serial) : std::nullopt;
}

OcspStatus to_ocsp(const std::optional<CertificateStatus>& status) {
  if (!status) return {OcspStatus::Kind::unknown};
  if (!status->revoked) return {OcspStatus::Kind::good};
  return {OcspStatus::Kind::revoked, status->revoked_at, status->reason};
}

bool says_the_same(const CertificateStatus& a, const CertificateStatus& b) {
  return a.revoked == b.revoked && a.reason == b.reason && a.revoked_at == b.revoked_at;
}

base::Instant to_whole_second(base::Instant at) { return base::Instant::from_unix_seconds(at.unix_seconds()); }

}  // namespace

struct OcspAnswers::Question {
  const OcspRequest& request;
  const CaStatus& ca;
  std::vector<std::optional<CertificateStatus>> statuses;  ///< of each CertID
};

OcspReply OcspAnswers::answer(base::BytesView request, const StatusSnapshot& snapshot, base::Instant now) {
  const auto parsed = OcspRequest::parse(request);
  if (!parsed) return refuse(OcspRefusal::malformed_request);
  const CaStatus* ca = find_ca(*parsed, snapshot);
  if (ca == nullptr) return refuse(OcspRefusal::unauthorized);
  // What the registry said so long ago is not to be given out as new (law 4).
  if (ca->responder == nullptr || now >= snapshot.as_of + kOcspLife) return refuse(OcspRefusal::try_later);

  Question question{*parsed, *ca, {}};
  for (const CertId& id : parsed->cert_ids())
    question.statuses.push_back(find_status(id, *ca));
  const bool may_be_kept = parsed->cert_ids().size() == 1 && !parsed->nonce() && question.statuses.front();
  if (!may_be_kept) return sign(question, snapshot, now);

  const CertificateStatus& status = *question.statuses.front();
  std::string cert_id(base::as_text(parsed->cert_ids().front().der));
  if (const Kept* kept = find_kept(cert_id)) {
    const bool fresh = now >= *kept->reply.made_at && now < *kept->reply.made_at + kOcspLife / 2 &&
                       now < *kept->reply.good_until && kept->by == ca->responder;
    if (fresh && says_the_same(kept->status, status)) return kept->reply;
  }
  OcspReply reply = sign(question, snapshot, now);
  if (reply.good_until) keep(std::move(cert_id), {reply, status, ca->responder});
  return reply;
}

OcspReply OcspAnswers::sign(const Question& question, const StatusSnapshot& snapshot, base::Instant now) const {
  const OcspResponder& responder = *question.ca.responder;
  const base::Instant this_update = to_whole_second(snapshot.as_of);
  const base::Instant next_update = std::min(this_update + kOcspLife, responder.certificate.not_after());
  const base::Instant produced_at = std::max(to_whole_second(now), this_update);
  if (produced_at >= next_update) return refuse(OcspRefusal::try_later);
  x509::OcspResponseSpec spec{.responder_key = responder.key_sha1,
                              .produced_at = produced_at,
                              .this_update = this_update,
                              .next_update = next_update,
                              .answers = {},
                              .nonce = question.request.nonce()};
  for (std::size_t i = 0; i < question.statuses.size(); ++i)
    spec.answers.push_back({question.request.cert_ids()[i].der, to_ocsp(question.statuses[i])});
  const base::Bytes data = x509::build_response_data(spec);
  const auto signature = responder.key.sign(data);
  if (!signature) return refuse(OcspRefusal::internal_error);
  const base::Bytes der = x509::assemble_ocsp_response(data, *signature, responder.certificate);
  OcspReply reply{std::make_shared<const std::string>(base::as_text(der))};
  const bool all_issued = std::ranges::all_of(question.statuses, [](const auto& one) { return one.has_value(); });
  if (!all_issued || question.request.nonce()) return reply;
  reply.good_until = next_update;
  reply.made_at = this_update;
  return reply;
}

const OcspAnswers::Kept* OcspAnswers::find_kept(const std::string& cert_id) {
  if (const auto found = young_.find(cert_id); found != young_.end()) return &found->second;
  const auto found = old_.find(cert_id);
  if (found == old_.end()) return nullptr;
  Kept kept = std::move(found->second);
  old_.erase(found);
  keep(cert_id, std::move(kept));
  return &young_.find(cert_id)->second;
}

void OcspAnswers::keep(std::string cert_id, Kept kept) {
  if (young_.size() >= kOcspCacheLimit / 2) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_.insert_or_assign(std::move(cert_id), std::move(kept));
}

}  // namespace countersign::authority
