#include "authority/ehi/servers.h"

#include <algorithm>

#include "authority/notices/contacts.h"
#include "http/url.h"
#include "store/organisations.h"

namespace countersign::authority {
namespace {

using base::Kind;
using store::EhiServerRow;

base::Result<void> check_organisation(store::Transaction& rows, const base::Slug& id) {
  BASE_TRY(const auto organisation, store::find_organisation(rows, id.text()));
  if (organisation) return {};
  return base::fail(Kind::not_found, "organisation.unknown",
                    "there is no organisation '" + id.text() + "': create it first, or check the spelling");
}

base::Result<void> check_url(const std::string& text) {
  const auto bad = [](std::string detail) { return base::fail(Kind::invalid, "ehi_server.url", std::move(detail)); };
  if (text.size() > kEhiServerUrlLimit) return bad("a server's URL has at most 1024 bytes");
  auto url = http::Url::parse(text);
  if (!url) return base::unexpected(std::move(url).error().under("ehi_server.url", "the server's URL is not usable"));
  if (!url->secure) return bad("a server's URL must begin with https://: the provider calls nobody in clear");
  return {};
}

base::Result<EhiServerRow> find_own(store::Transaction& rows, const base::Slug& organisation, const std::string& id) {
  BASE_TRY(auto row, store::find_ehi_server(rows, id));
  if (!row || row->removed_at || row->organisation != organisation.text())
    return base::fail(Kind::not_found, "ehi_server.unknown", "this organisation has no such server");
  return std::move(*row);
}

bool is_under_way(const EhiServerRow& row) { return row.check_state == "waiting" || row.check_state == "running"; }

base::Result<void> check_room(store::Transaction& rows, const std::string& organisation) {
  BASE_TRY(const std::int64_t own, store::count_ehi_checks(rows, organisation));
  BASE_TRY(const std::int64_t all, store::count_ehi_checks(rows, ""));
  if (own < kEhiChecksOfOne && all < kEhiChecksOfAll) return {};
  return base::fail(Kind::conflict, "ehi_check.too_many",
                    own < kEhiChecksOfOne ? "100 checks wait or run already: ask again in a while"
                                          : "3 checks of this organisation wait or run already: ask again when one has "
                                            "ended");
}

}  // namespace

base::Result<void> EhiServers::check_others(store::Transaction& rows, const EhiServerRow& row) {
  BASE_TRY(const auto others, store::list_ehi_servers(rows, {row.organisation, kEhiServersListed}));
  const auto is_same = [&](const EhiServerRow& other) {
    return other.url == row.url && other.environment == row.environment;
  };
  if (std::ranges::any_of(others, is_same))
    return base::fail(Kind::conflict, "ehi_server.exists", "this URL is known for that environment already");
  if (others.size() < kEhiServerLimit) return {};
  return base::fail(Kind::conflict, "ehi_server.too_many",
                    "an organisation has at most 20 servers: remove one that is not called any more");
}

base::Result<EhiServerRow> EhiServers::add(const Actor& actor, const NewEhiServer& server) {
  BASE_TRY_VOID(check_url(server.url));
  if (server.environment == base::Environment::internal)
    return base::fail(Kind::invalid, "ehi_server.environment", "partners' servers are called in uat and production");
  if (base::is_reserved_organisation(server.organisation))
    return base::fail(Kind::conflict, "organisation.reserved", "'" + server.organisation.text() + "' is no partner");
  EhiServerRow row;
  BASE_TRY(row.id, make_id(random_));
  row.organisation = server.organisation.text();
  row.environment = base::name(server.environment);
  row.url = server.url;
  row.created_by = actor.name;
  row.created_at = ledger_.now();
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(check_organisation(amendment.rows(), server.organisation));
  BASE_TRY_VOID(check_others(amendment.rows(), row));
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor,
                                 "ehi_server.added",
                                 row.organisation,
                                 {{"server", row.id}, {"environment", row.environment}, {"url", row.url}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<std::vector<EhiServerRow>> EhiServers::list(const std::optional<base::Slug>& organisation) {
  BASE_TRY(auto rows, ledger_.read());
  if (organisation) BASE_TRY_VOID(check_organisation(rows, *organisation));
  return store::list_ehi_servers(rows, {organisation ? organisation->text() : "", kEhiServersListed});
}

base::Result<EhiServers::Known> EhiServers::find(const base::Slug& organisation, const std::string& id) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto row, find_own(rows, organisation, id));
  BASE_TRY(auto report, store::find_ehi_report(rows, id));
  return Known{std::move(row), std::move(report)};
}

base::Result<EhiServerRow> EhiServers::remove(const Actor& actor, const base::Slug& organisation,
                                              const std::string& id) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_own(amendment.rows(), organisation, id));
  row.removed_at = ledger_.now();
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  BASE_TRY_VOID(
      amendment.audit({actor, "ehi_server.removed", row.organisation, {{"server", row.id}, {"url", row.url}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<EhiServerRow> EhiServers::ask_for_check(const Actor& actor, const base::Slug& organisation,
                                                     const std::string& id) {
  const base::Instant now = ledger_.now();
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_own(amendment.rows(), organisation, id));
  if (is_under_way(row)) return row;
  // A clock that was put back must not keep a server from being checked for long.
  const bool just_ended =
      row.check_ended_at && *row.check_ended_at <= now && now - *row.check_ended_at < kEhiCheckPause;
  if (just_ended)
    return base::fail(Kind::conflict, "ehi_check.too_soon",
                      "it was checked within the last minute: look at that report, or ask again after the minute");
  BASE_TRY_VOID(check_room(amendment.rows(), row.organisation));
  row.check_state = "waiting";
  row.check_asked_by = actor.name;
  row.check_asked_at = now;
  row.check_begun_at = row.check_ended_at = std::nullopt;
  row.check_error = std::nullopt;
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor, "ehi_check.asked", row.organisation, {{"server", row.id}, {"url", row.url}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

}  // namespace countersign::authority
