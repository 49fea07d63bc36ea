// Lists that more than one kind of caller reads: operators of everybody, people of partners of their own organisation.
// What they are narrowed to is an argument; the rest of the question comes from the query.
#pragma once

#include "authority/api/json.h"

namespace countersign::authority {

inline constexpr std::int64_t kDefaultLimit = 100;
inline constexpr std::int64_t kMostAtOnce = 1000;

/// ?environment=&organisation=&application= as they stand there.
store::ApplicationFilter application_filter_in(const http::Request& request);
/// Where a page of a list ended: behind the row of this time and id, which is hexadecimal.
struct ListPlace {
  base::Instant at;
  std::string id;
};
/// "MICROSECONDS.ID", as pages give it in `next`.
std::string to_text(const ListPlace& place);
/// ?after=, the `next` of the page before. Fails: `query.invalid`.
base::Result<std::optional<ListPlace>> read_list_place(const http::Request& request);
/// ?limit=, from 1 to kMostAtOnce. Fails: `query.invalid`.
base::Result<int> read_limit(const http::Request& request);

Answer answer_applications(Authority& authority, const store::ApplicationFilter& filter);
/// A page: ?purpose=&status=&limit=&after=. Fails: `query.invalid`.
Answer answer_certificates(Authority& authority, const Call& call, const store::ApplicationFilter& of);
/// The certificate itself, too. Fails: `registry.corrupt`.
Answer answer_certificate(Authority& authority, const store::CertificateRow& row);
/// ?state=&limit=. Fails: `query.invalid`.
base::Result<std::vector<KnownRequest>> list_known_requests(Authority& authority, const Call& call,
                                                            const store::ApplicationFilter& of);
Answer answer_requests(Authority& authority, const Call& call, const store::ApplicationFilter& of);
/// ?state=&limit=; `organisation` empty: to whomever, else what went wrong is told by its code alone. Fails:
/// `query.invalid`.
Answer answer_letters(Authority& authority, const Call& call, const std::string& organisation);
/// ?limit=; those seen last first. Fails: `query.invalid`.
Answer answer_refusals(Authority& authority, const Call& call, const store::ApplicationFilter& of);
Answer answer_contacts(Authority& authority, const base::Slug& organisation);
Answer answer_codes(Authority& authority, const base::Identity& identity);
/// The code itself, shown this once.
Answer answer_new_code(const NewCode& code);

base::json::object to_json(const store::ContactRow& row);
base::json::object to_json(const store::LetterRow& row);
base::json::object to_json(const Revocation& done, base::Instant now);
tl::unexpected<base::Error> unknown_certificate(const x509::Serial& serial);

}  // namespace countersign::authority
