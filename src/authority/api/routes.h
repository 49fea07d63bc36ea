// Routes: the public API as data: method, path pattern, who may call, and what answers. Handlers are plain functions
// that run on the registry's thread; who needs a caller with a certificate takes a VerifiedPeer, who may only be called
// by an operator an Operator, and says which right that takes.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "authority/api/operator.h"
#include "authority/api/person.h"
#include "authority/authority.h"
#include "http/message.h"

namespace countersign::authority {

/// What a handler sees of a call.
struct Call {
  const http::Request& request;
  std::vector<std::string> arguments;  ///< the segments that stood for {...} in the pattern, in order
};

using Answer = base::Result<http::Response>;
using OpenHandler = Answer (*)(Authority&, const Call&);
/// An answer of a protocol that refuses in its own words, under whatever status: `refusal` is for our record.
struct Told {
  http::Response response;
  std::optional<base::Error> refusal = {};
};
using TellingHandler = base::Result<Told> (*)(Authority&, const Call&);
/// For whoever has shown a certificate that this door takes, such as a partner's application.
using PeerHandler = Answer (*)(Authority&, const tls::VerifiedPeer&, const Call&);
/// For operators who have the right.
struct OperatorHandler {
  Right right;
  Answer (*handle)(Authority&, const Operator&, const Call&);
};
/// For people of partners who have the right, about their own organisation.
struct PersonHandler {
  PersonRight right;
  Answer (*handle)(Authority&, const Person&, const Call&);
};

/// A certificate that a call is for. `find` says what there is, or what is to be issued; it may be asked again. Both
/// own what they need.
struct ToIssue {
  std::function<base::Result<Enquiry>()> find;
  std::function<Answer(const Outcome&)> tell;
  std::string claim = {};  ///< what two calls must not be about together, besides claims_of() their orders
};
/// What a call for a certificate comes to; many are issued together (issuing_desk.h).
using Asked = std::variant<http::Response, ToIssue>;
using OpenAskHandler = base::Result<Asked> (*)(Authority&, const Call&);
using PeerAskHandler = base::Result<Asked> (*)(Authority&, const tls::VerifiedPeer&, const Call&);

struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/v1/organisations/{organisation}/suspend"
  std::variant<OpenHandler, TellingHandler, PeerHandler, OperatorHandler, PersonHandler, OpenAskHandler, PeerAskHandler>
      handler;
};

/// Every route, of all files that have some.
std::vector<Route> all_routes();
std::span<const Route> public_routes();
std::span<const Route> directory_routes();
std::span<const Route> certificate_routes();
std::span<const Route> est_routes();
std::span<const Route> acme_routes();
std::span<const Route> eab_routes();
std::span<const Route> cmp_routes();
std::span<const Route> request_routes();
std::span<const Route> revocation_routes();
std::span<const Route> log_routes();
std::span<const Route> openapi_routes();
std::span<const Route> notice_routes();
std::span<const Route> operator_routes();
std::span<const Route> ca_routes();
std::span<const Route> root_routes();
std::span<const Route> material_routes();
std::span<const Route> people_routes();
std::span<const Route> own_organisation_routes();
std::span<const Route> client_routes();
std::span<const Route> ehi_server_routes();

/// The segments for {...} where `path` is of `pattern`.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path);

struct Match {
  const Route* route;
  std::vector<std::string> arguments;
};
/// HEAD finds what GET would. Fails: `api.no_such_path` (404), `api.method_not_allowed` (405).
base::Result<Match> find_route(std::span<const Route> routes, std::string_view method, std::string_view path);

}  // namespace countersign::authority
