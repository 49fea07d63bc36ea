// Routes by which operators keep organisations, applications and enrolment codes.
#include <array>

#include "authority/api/lists.h"

namespace countersign::authority {
namespace {

Answer create_organisation(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string id_text, reader.text("id"));
  BASE_TRY(const std::string name, reader.text("name"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(const auto id, base::Slug::parse(id_text));
  BASE_TRY(const auto row, authority.directory().create_organisation(caller.actor(), id, name));
  return answer(201, to_json(row));
}

Answer list_organisations(Authority& authority, const Operator&, const Call&) {
  BASE_TRY(const auto rows, authority.directory().list_organisations());
  base::json::array array;
  for (const store::OrganisationRow& row : rows)
    array.emplace_back(to_json(row));
  return answer(200, {{"organisations", std::move(array)}});
}

Answer suspend_organisation(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto id, base::Slug::parse(call.arguments[0]));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.directory().suspend_organisation(caller.actor(), id));
  return answer(200, to_json(row));
}

Answer resume_organisation(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto id, base::Slug::parse(call.arguments[0]));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.directory().resume_organisation(caller.actor(), id));
  return answer(200, to_json(row));
}

Answer create_application(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto body, read_body(call));
  BASE_TRY(auto reader, base::JsonReader::of(body));
  BASE_TRY(const std::string environment, reader.text("environment"));
  BASE_TRY(const std::string organisation, reader.text("organisation"));
  BASE_TRY(const std::string application, reader.text("application"));
  BASE_TRY(const std::string name, reader.text_or("name", ""));
  BASE_TRY(const auto server_names, reader.texts("server_names"));
  BASE_TRY_VOID(reader.finish());
  BASE_TRY(auto identity, read_identity(environment, organisation, application));
  BASE_TRY_VOID(caller.may_change(identity));
  const NewApplication wanted{std::move(identity), name, server_names};
  BASE_TRY(const auto row, authority.directory().create_application(caller.actor(), wanted));
  return answer(201, to_json(row));
}

Answer list_applications(Authority& authority, const Operator&, const Call& call) {
  return answer_applications(authority, application_filter_in(call.request));
}

Answer suspend_application(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.directory().suspend_application(caller.actor(), identity));
  return answer(200, to_json(row));
}

Answer resume_application(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto row, authority.directory().resume_application(caller.actor(), identity));
  return answer(200, to_json(row));
}

Answer set_server_names(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY(const auto names, read_texts(call, "server_names"));
  BASE_TRY(const auto row, authority.directory().set_server_names(caller.actor(), identity, names));
  return answer(200, to_json(row));
}

Answer create_code(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(auto identity, application_to_change(caller, call));
  BASE_TRY(const CodeOrder order, read_code_order(call, std::move(identity)));
  BASE_TRY(const auto code, authority.enrolment().create_code(caller.actor(), order));
  return answer_new_code(code);
}

Answer list_codes(Authority& authority, const Operator&, const Call& call) {
  BASE_TRY(const auto identity, application_in(call));
  return answer_codes(authority, identity);
}

Answer cancel_code(Authority& authority, const Operator& caller, const Call& call) {
  BASE_TRY(const auto identity, application_to_change(caller, call));
  BASE_TRY_VOID(read_empty_body(call));
  BASE_TRY(const auto code, authority.enrolment().cancel_code(caller.actor(), identity, call.arguments[3]));
  return answer(200, to_json(code));
}

}  // namespace

#define APPLICATION "/v1/applications/{environment}/{organisation}/{application}"
std::span<const Route> directory_routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", "/v1/organisations", OperatorHandler{Right::enrol, create_organisation}},
      Route{"GET", "/v1/organisations", OperatorHandler{Right::look, list_organisations}},
      Route{"POST", "/v1/organisations/{organisation}/suspend", OperatorHandler{Right::revoke, suspend_organisation}},
      Route{"POST", "/v1/organisations/{organisation}/resume", OperatorHandler{Right::revoke, resume_organisation}},
      Route{"POST", "/v1/applications", OperatorHandler{Right::enrol, create_application}},
      Route{"GET", "/v1/applications", OperatorHandler{Right::look, list_applications}},
      Route{"POST", APPLICATION "/suspend", OperatorHandler{Right::revoke, suspend_application}},
      Route{"POST", APPLICATION "/resume", OperatorHandler{Right::revoke, resume_application}},
      Route{"POST", APPLICATION "/server-names", OperatorHandler{Right::enrol, set_server_names}},
      Route{"POST", APPLICATION "/enrolment-codes", OperatorHandler{Right::enrol, create_code}},
      Route{"GET", APPLICATION "/enrolment-codes", OperatorHandler{Right::look, list_codes}},
      Route{"POST", APPLICATION "/enrolment-codes/{digest}/cancel", OperatorHandler{Right::enrol, cancel_code}},
  };
  return kRoutes;
}
#undef APPLICATION

}  // namespace countersign::authority
