#include "authority/ehi/servers.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "authority/ehi/checks.h"
#include "authority/registry/row_id.h"
#include "http/url.h"
#include "store/organisations.h"

namespace countersign::authority {
namespace {

using base::Kind;
using store::EhiServerRow;

constexpr base::Duration kADay = std::chrono::hours(24);

base::Result<void> check_organisation(store::Transaction& rows, const base::Slug& id) {
  BASE_TRY(const auto organisation, store::find_organisation(rows, id.text()));
  if (organisation) return {};
  return base::fail(Kind::not_found, "organisation.unknown",
                    "there is no organisation '" + id.text() + "': create it first, or check the spelling");
}

/// Every spelling of an address that the system's lookup takes ("127.1", "0x7f000001") is that address.
std::string canonical_host(std::string host) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  in_addr four{};
  in6_addr six{};
  if (::inet_aton(host.c_str(), &four) != 0 && ::inet_ntop(AF_INET, &four, text.data(), text.size()) != nullptr)
    return text.data();
  if (::inet_pton(AF_INET6, host.c_str(), &six) == 1 &&
      ::inet_ntop(AF_INET6, &six, text.data(), text.size()) != nullptr)
    return text.data();
  if (host.ends_with('.')) host.pop_back();
  return host;
}

base::Result<EhiServerRow> find_own(store::Transaction& rows, const base::Slug& organisation, const std::string& id) {
  BASE_TRY(auto row, store::find_ehi_server(rows, id));
  if (!row || row->removed_at || row->organisation != organisation.text())
    return base::fail(Kind::not_found, "ehi_server.unknown", "this organisation has no such server");
  return std::move(*row);
}

EhiServerRow confirmed(EhiServerRow row, const Actor& actor, base::Instant now) {
  row.confirmed_by = actor.name;
  row.confirmed_at = now;
  return row;
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

base::Result<std::string> ehi_address(const std::string& text) {
  const auto bad = [](std::string detail) { return base::fail(Kind::invalid, "ehi_server.url", std::move(detail)); };
  if (text.size() > kEhiServerUrlLimit) return bad("a server's URL has at most 1024 bytes");
  auto url = http::Url::parse(text);
  if (!url) return base::unexpected(std::move(url).error().under("ehi_server.url", "the server's URL is not usable"));
  if (!url->secure) return bad("a server's URL must begin with https://: the provider calls nobody in clear");
  url->authority.host = canonical_host(std::move(url->authority.host));
  return url->authority.to_string();
}

base::Result<void> EhiServers::check_others(store::Transaction& rows, const EhiServerRow& row) {
  const store::EhiServerFilter own{.organisation = row.organisation, .limit = static_cast<int>(kEhiServerLimit)};
  BASE_TRY(const auto others, store::list_ehi_servers(rows, own));
  const auto is_same = [&](const EhiServerRow& other) {
    return other.url == row.url && other.environment == row.environment;
  };
  if (std::ranges::any_of(others, is_same))
    return base::fail(Kind::conflict, "ehi_server.exists", "this URL is known for that environment already");
  if (others.size() >= kEhiServerLimit)
    return base::fail(Kind::conflict, "ehi_server.too_many",
                      "an organisation has at most 20 servers: remove one that is not called any more");
  BASE_TRY(const auto added, store::count_ehi_servers_added(rows, row.organisation, ledger_.now() - kADay));
  if (added >= kEhiServersADay)
    return base::fail(Kind::conflict, "ehi_server.too_many",
                      "at most 40 servers are added to an organisation within a day: add it tomorrow");
  BASE_TRY(const bool of_another, store::has_another_organisation(rows, row));
  if (!of_another) return {};
  return base::fail(Kind::conflict, "ehi_server.address",
                    "this host and port cannot be added for this organisation: if it is yours, tell the provider's "
                    "operators");
}

base::Result<EhiServerRow> EhiServers::add(const Actor& actor, const NewEhiServer& server) {
  EhiServerRow row;
  BASE_TRY(row.address, ehi_address(server.url));
  if (server.environment == base::Environment::internal)
    return base::fail(Kind::invalid, "ehi_server.environment", "partners' servers are called in uat and production");
  if (base::is_reserved_organisation(server.organisation))
    return base::fail(Kind::conflict, "organisation.reserved", "'" + server.organisation.text() + "' is no partner");
  BASE_TRY(row.id, make_id(random_));
  row.organisation = server.organisation.text();
  row.environment = base::name(server.environment);
  row.url = server.url;
  row.created_by = actor.name;
  row.created_at = ledger_.now();
  if (server.word == EhiWord::of_an_operator) row = confirmed(std::move(row), actor, ledger_.now());
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY_VOID(store::forget_ehi_servers(amendment.rows(), ledger_.now() - kEhiServersRemembered));
  BASE_TRY_VOID(check_organisation(amendment.rows(), server.organisation));
  BASE_TRY_VOID(check_others(amendment.rows(), row));
  BASE_TRY_VOID(store::insert(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor,
                                 "ehi_server.added",
                                 row.organisation,
                                 {{"server", row.id},
                                  {"environment", row.environment},
                                  {"url", row.url},
                                  {"confirmed", row.confirmed_at.has_value()}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<std::vector<EhiServerRow>> EhiServers::list(const base::Slug& organisation) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY_VOID(check_organisation(rows, organisation));
  return store::list_ehi_servers(rows,
                                 {.organisation = organisation.text(), .limit = static_cast<int>(kEhiServerLimit)});
}

base::Result<EhiServers::Page> EhiServers::list_all(const std::optional<store::EhiServerPlace>& after, int limit) {
  BASE_TRY(auto rows, ledger_.read());
  Page page;
  BASE_TRY(page.rows, store::list_ehi_servers(rows, {.organisation = "", .after = after, .limit = limit}));
  if (page.rows.size() == static_cast<std::size_t>(limit))
    page.end = store::EhiServerPlace{page.rows.back().created_at, page.rows.back().id};
  return page;
}

base::Result<EhiServers::Known> EhiServers::find(const base::Slug& organisation, const std::string& id) {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto row, find_own(rows, organisation, id));
  BASE_TRY(auto report, store::find_ehi_report(rows, id));
  return Known{std::move(row), std::move(report)};
}

base::Result<EhiServerRow> EhiServers::confirm(const Actor& actor, const base::Slug& organisation,
                                               const std::string& id) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_own(amendment.rows(), organisation, id));
  if (row.confirmed_at) return row;
  row = confirmed(std::move(row), actor, ledger_.now());
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  BASE_TRY_VOID(
      amendment.audit({actor, "ehi_server.confirmed", row.organisation, {{"server", row.id}, {"url", row.url}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

base::Result<EhiServerRow> EhiServers::remove(const Actor& actor, const base::Slug& organisation,
                                              const std::string& id) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_own(amendment.rows(), organisation, id));
  row.removed_at = ledger_.now();
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  BASE_TRY_VOID(store::drop_ehi_report(amendment.rows(), row.id));
  BASE_TRY_VOID(
      amendment.audit({actor, "ehi_server.removed", row.organisation, {{"server", row.id}, {"url", row.url}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

/// By the address and not by the row: else a URL written in another way, or a row made anew, would have none.
base::Result<void> EhiServers::check_pause(store::Transaction& rows, const EhiServerRow& row) {
  const base::Instant now = ledger_.now();
  BASE_TRY(const auto use, store::find_ehi_address_use(rows, {row.address, ehi_check_times(now), now}));
  if (use.under_way)
    return base::fail(Kind::conflict, "ehi_check.too_soon",
                      "this host and port are being checked: ask again when that has ended");
  // A clock that was put back must not keep a server from being checked for long.
  if (!use.ended_at || now - *use.ended_at >= kEhiCheckPause) return {};
  return base::fail(Kind::conflict, "ehi_check.too_soon",
                    "this host and port were checked within the last minute: look at that report, or ask again after "
                    "the minute");
}

base::Result<EhiServerRow> EhiServers::ask_for_check(const Actor& actor, const base::Slug& organisation,
                                                     const std::string& id) {
  BASE_TRY(auto amendment, ledger_.amend());
  BASE_TRY(auto row, find_own(amendment.rows(), organisation, id));
  if (is_under_way(row)) return row;
  BASE_TRY_VOID(check_pause(amendment.rows(), row));
  BASE_TRY_VOID(check_room(amendment.rows(), row.organisation));
  row.check_state = "waiting";
  row.check_asked_by = actor.name;
  row.check_asked_at = ledger_.now();
  row.check_begun_at = row.check_ended_at = std::nullopt;
  row.check_error = std::nullopt;
  BASE_TRY_VOID(store::update(amendment.rows(), row));
  BASE_TRY_VOID(amendment.audit({actor, "ehi_check.asked", row.organisation, {{"server", row.id}, {"url", row.url}}}));
  BASE_TRY_VOID(amendment.commit());
  return row;
}

}  // namespace countersign::authority
