#include "policy/policy.h"

#include <algorithm>

#include "base/check.h"

namespace countersign::policy {
namespace {

/// The most exact name that says something of `member` says it for all.
template <class T>
void take_first(std::optional<T>& into, const std::optional<T>& from) {
  if (!into) into = from;
}

}  // namespace

std::string_view name(Mode mode) {
  switch (mode) {
    case Mode::off: return "off";
    case Mode::observe: return "observe";
    case Mode::enforce: return "enforce";
  }
  BASE_UNREACHABLE();
}

PolicyPointer Policy::nothing() { return PolicyPointer(new Policy()); }

std::vector<std::pair<std::string, Mode>> Policy::not_enforced() const {
  std::vector<std::pair<std::string, Mode>> found;
  if (mode_ != Mode::enforce) found.emplace_back("default", mode_);
  for (const auto& [who, terms] : terms_)
    if (terms.mode && *terms.mode != Mode::enforce) found.emplace_back(who, *terms.mode);
  return found;
}

Rights::Rights(const Policy& policy, const Caller& caller)
    : policy_(&policy), anonymous_(!caller.identity()), mode_(policy_->mode_), names_(caller.names_for_applications()) {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (const auto found = policy_->grants_to_.find(names_[i]); found != policy_->grants_to_.end())
      indexes_[i] = &found->second;
  if (const auto keys = policy_->api_keys_.find(caller.application()); keys != policy_->api_keys_.end())
    api_keys_ = keys->second;
  read_terms(caller);
}

std::vector<const Grant*> Rights::grants() const {
  std::vector<const Grant*> found;
  for (const Grant& grant : policy_->grants_)
    if (std::ranges::any_of(grant.to,
                            [&](const std::string& one) { return std::ranges::find(names_, one) != names_.end(); }))
      found.push_back(&grant);
  return found;
}

/// Names are asked from the most exact to the widest; each key is taken from the first that says it.
void Rights::read_terms(const Caller& caller) {
  const auto applications = caller.names_for_applications();
  const auto organisations = caller.names_for_organisations();
  const auto terms_of = [&](const std::string& one) -> const Terms* {
    const auto found = policy_->terms_.find(one);
    return found == policy_->terms_.end() ? nullptr : &found->second;
  };
  Terms application;
  for (const std::string& one : applications)
    if (const Terms* terms = terms_of(one)) {
      take_first(application.from, terms->from);
      application.limits.fill_from(terms->limits);
    }
  Terms organisation;
  for (const std::string& one : organisations)
    if (const Terms* terms = terms_of(one)) {
      take_first(organisation.from, terms->from);
      organisation.limits.fill_from(terms->limits);
    }
  std::optional<Mode> mode;
  for (const std::string* one :
       {&applications[0], &applications[1], &organisations[0], &applications[2], &organisations[1]})
    if (const Terms* terms = terms_of(*one)) take_first(mode, terms->mode);
  mode_ = mode.value_or(mode_);
  application_from_ = application.from.value_or(net::Networks());
  organisation_from_ = organisation.from.value_or(net::Networks());
  application_limits_ = application.limits;
  organisation_limits_ = organisation.limits;
}

}  // namespace countersign::policy
