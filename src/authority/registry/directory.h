// Directory: the organisations and applications an operator keeps, and their suspension.
//
// Belongs to the registry's thread. Each change is audited; each suspension is published in the same amendment.
#pragma once

#include <vector>

#include "authority/registry/ledger.h"
#include "authority/registry/profile.h"
#include "store/applications.h"
#include "store/organisations.h"

namespace countersign::authority {

struct NewApplication {
  base::Identity identity;
  std::string name;  ///< empty: as the application's id
  std::vector<std::string> server_names;
};

class Directory {
 public:
  explicit Directory(Ledger& ledger) : ledger_(ledger) {}

  /// Fails: `organisation.exists`, `name.invalid`, and as store.
  base::Result<store::OrganisationRow> create_organisation(const Actor& actor, const base::Slug& id,
                                                           const std::string& name);
  base::Result<std::vector<store::OrganisationRow>> list_organisations();
  /// Done already is no failure. Fails: `organisation.unknown`, `organisation.reserved`.
  base::Result<store::OrganisationRow> suspend_organisation(const Actor& actor, const base::Slug& id);
  base::Result<store::OrganisationRow> resume_organisation(const Actor& actor, const base::Slug& id);

  /// Fails: `organisation.unknown`, `application.exists`, `application.environment` (that organisation has no
  /// applications there), `application.no_servers` (server names for one that may not have a server certificate),
  /// `name.invalid`, `server_name.invalid`.
  base::Result<store::ApplicationRow> create_application(const Actor& actor, const NewApplication& application);
  base::Result<std::vector<store::ApplicationRow>> list_applications(const store::ApplicationFilter& filter);
  /// Done already is no failure. Fails: `application.unknown`, `application.own` (an operator suspending itself),
  /// `application.authority` (the authority itself), `operator.last` (nobody else could administrate).
  base::Result<store::ApplicationRow> suspend_application(const Actor& actor, const base::Identity& identity);
  base::Result<store::ApplicationRow> resume_application(const Actor& actor, const base::Identity& identity);
  /// For server certificates from now on. Fails: `application.unknown`, `application.no_servers`,
  /// `server_name.invalid`.
  base::Result<store::ApplicationRow> set_server_names(const Actor& actor, const base::Identity& identity,
                                                       const std::vector<std::string>& names);

 private:
  enum class Standing { active, suspended };
  base::Result<store::OrganisationRow> change(const Actor& actor, const base::Slug& id, Standing to);
  base::Result<store::ApplicationRow> change(const Actor& actor, const base::Identity& identity, Standing to);
  Ledger& ledger_;
};

/// The facts that say that an organisation is suspended or active: one for each environment it can have applications
/// in.
std::vector<trust::SuspensionFact> suspension_facts(const base::Slug& organisation, bool suspended);

/// Writes an organisation or application that must not be there yet into `amendment`, with its audit record.
base::Result<store::OrganisationRow> add_organisation(Amendment& amendment, const Actor& actor,
                                                      store::OrganisationRow row);
base::Result<store::ApplicationRow> add_application(Amendment& amendment, const Actor& actor,
                                                    const NewApplication& application, base::Instant now);

}  // namespace countersign::authority
