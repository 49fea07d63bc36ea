// The JSON forms of the API: what handlers read from calls and answer with.
#pragma once

#include "authority/api/routes.h"
#include "authority/enrolment/enrolment.h"
#include "authority/revocation/revocation.h"
#include "base/json.h"
#include "store/audit.h"

namespace countersign::authority {

base::json::object to_json(const store::OrganisationRow& row);
base::json::object to_json(const store::ApplicationRow& row);
base::json::object to_json(const NewCode& code);
base::json::object to_json(const KnownCode& code);
base::json::object to_json(const store::CertificateRow& row, base::Instant now);
/// Fails: `registry.corrupt`.
base::Result<base::json::object> to_json(const store::AuditRow& row);
/// A certificate just issued, with the issuing CA and the root above it.
base::json::object to_json(const Issued& issued, const Hierarchy& hierarchy);

/// `content` stands in it as JSON. Fails: `registry.corrupt`.
base::Result<base::json::object> to_json(const KnownRequest& request);

http::Response answer(int status, const base::json::object& body);
/// 201 with the certificate; 202 with Retry-After while people must approve first.
http::Response answer(const Outcome& outcome, const Hierarchy& hierarchy);

/// The body as one JSON object; an empty body is an empty object. Fails: `json.syntax`, `json.type`.
base::Result<base::json::value> read_body(const Call& call);
/// For calls that say all in their path. Fails: as read_body, and `json.unknown_member` where the object has any.
base::Result<void> read_empty_body(const Call& call);
/// The texts of a body that is {"`member`":[...]}. Fails: as read_body, `json.missing`, `json.unknown_member`.
base::Result<std::vector<std::string>> read_texts(const Call& call, const std::string& member);
base::Result<std::vector<trust::Purpose>> read_purposes(base::JsonReader& reader);
/// {"purposes":[...],"life":"24h"}, both optional: what a one-time credential of `identity` is good for. Fails:
/// `json.*`, `purpose.unknown`, `config.duration`.
base::Result<CodeOrder> read_code_order(const Call& call, base::Identity identity);
/// An identity from three texts. Fails: `environment.unknown`, `slug.invalid`.
base::Result<base::Identity> read_identity(std::string_view environment, std::string_view organisation,
                                           std::string_view application);
/// Whose a path below /v1/applications/{environment}/{organisation}/{application} is. Fails: the same.
base::Result<base::Identity> application_in(const Call& call);
/// The same, where `caller` may change what it has. Fails: `caller.role`, too.
base::Result<base::Identity> application_to_change(const Operator& caller, const Call& call);
/// A query parameter that is a whole number from `least` to `most`. Fails: `query.invalid`.
struct NumberQuery {
  std::string_view name;
  std::int64_t otherwise;
  std::int64_t least;
  std::int64_t most;
};
base::Result<std::int64_t> read_number(const http::Request& request, const NumberQuery& query);

}  // namespace countersign::authority
