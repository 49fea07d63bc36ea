// Reads a policy file: every key is checked, and named with its line when it is wrong.
#include <algorithm>
#include <cctype>
#include <set>

#include "base/config.h"
#include "policy/api_key.h"
#include "policy/own_fields.h"
#include "policy/policy.h"

namespace countersign::policy {
namespace {

using base::ConfigSection;
using Sets = std::map<std::string, std::vector<std::string>, std::less<>>;

constexpr std::int64_t kMostRequestsPerSecond = 1'000'000;
constexpr std::int64_t kMostAtOnce = 1'000'000;
constexpr std::int64_t kMostBytesPerSecond = 100'000'000'000;
constexpr std::int64_t kMostBytesPerDay = 100'000'000'000'000;
constexpr std::size_t kLongestName = 100;

tl::unexpected<base::Error> wrong(const ConfigSection& section, std::string_view key, const std::string& why) {
  return base::fail(base::Kind::invalid, "policy.file", section.place_of(key) + " " + why);
}
/// The same for what a type of ours refused.
tl::unexpected<base::Error> wrong(const ConfigSection& section, std::string_view key, base::Error error) {
  return wrong(section, key, "cannot be read: " + error.detail);
}

base::Result<std::string> read_name(ConfigSection& section, std::set<std::string>& taken) {
  BASE_TRY(std::string name, section.text("name"));
  const auto good = [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"'; };
  if (name.empty() || name.size() > kLongestName || !std::ranges::all_of(name, good))
    return wrong(section, "name", "must be 1 to 100 printable characters");
  if (!taken.insert(name).second) return wrong(section, "name", "is used twice: '" + name + "'");
  return name;
}

base::Result<net::Networks> read_networks(ConfigSection& section) {
  BASE_TRY(const auto texts, section.texts("from"));
  if (texts.empty()) return wrong(section, "from", "names no network: leave the key away to let in from everywhere");
  if (texts.size() > Policy::kMostNetworks) return wrong(section, "from", "names more than 256 networks");
  net::Networks networks;
  for (const std::string& text : texts) {
    auto network = net::Network::parse(text);
    if (!network) return wrong(section, "from", std::move(network).error());
    networks.push_back(std::move(*network));
  }
  return networks;
}

base::Result<Mode> read_mode(ConfigSection& section) {
  BASE_TRY(const std::string text, section.text("mode"));
  for (const Mode mode : {Mode::off, Mode::observe, Mode::enforce})
    if (text == name(mode)) return mode;
  return wrong(section, "mode", "must be \"enforce\", \"observe\" or \"off\"");
}

/// Of names and @sets, the names; each once.
base::Result<std::vector<std::string>> read_names(ConfigSection& section, std::string_view key, const Sets& sets) {
  BASE_TRY(const auto texts, section.texts(key));
  std::set<std::string> names;
  for (const std::string& text : texts) {
    if (text.starts_with('@')) {
      const auto set = sets.find(std::string_view(text).substr(1));
      if (set == sets.end()) return wrong(section, key, "names the set '" + text + "', which is not in [[sets]]");
      names.insert(set->second.begin(), set->second.end());
      continue;
    }
    auto one = parse_applications(text);
    if (!one) return wrong(section, key, std::move(one).error());
    names.insert(std::move(*one));
  }
  if (names.empty()) return wrong(section, key, "names nobody");
  if (names.size() > Policy::kMostNames) return wrong(section, key, "names more than 10000 applications");
  return std::vector<std::string>(names.begin(), names.end());
}

base::Result<Sets> read_sets(ConfigSection& top) {
  BASE_TRY(auto sections, top.sections("sets"));
  Sets sets;
  std::set<std::string> taken;
  for (ConfigSection& section : sections) {
    BASE_TRY(std::string name, read_name(section, taken));
    BASE_TRY(auto members, read_names(section, "members", sets));
    sets.emplace(std::move(name), std::move(members));
  }
  return sets;
}

base::Result<std::optional<std::uint64_t>> read_amount(ConfigSection& section, std::string_view key,
                                                       std::int64_t most) {
  if (!section.has(key)) return std::optional<std::uint64_t>();
  BASE_TRY(const std::int64_t amount, section.integer(key));
  if (amount < 1 || amount > most) return wrong(section, key, "must be 1 to " + std::to_string(most));
  return std::optional(static_cast<std::uint64_t>(amount));
}

base::Result<Limits> read_limits(ConfigSection& section) {
  Limits limits;
  BASE_TRY(const auto requests, read_amount(section, "requests_per_second", kMostRequestsPerSecond));
  BASE_TRY(const auto burst, read_amount(section, "burst", kMostRequestsPerSecond));
  if (burst && !requests) return wrong(section, "burst", "belongs to 'requests_per_second', which is missing");
  if (requests) limits.requests = Rate{*requests, burst.value_or(*requests)};
  BASE_TRY(const auto concurrent, read_amount(section, "concurrent", kMostAtOnce));
  if (concurrent) limits.concurrent = static_cast<std::uint32_t>(*concurrent);
  BASE_TRY(const auto in, read_amount(section, "bytes_in_per_second", kMostBytesPerSecond));
  if (in) limits.bytes_in = Rate{*in, *in};
  BASE_TRY(const auto out, read_amount(section, "bytes_out_per_second", kMostBytesPerSecond));
  if (out) limits.bytes_out = Rate{*out, *out};
  BASE_TRY(limits.bytes_in_per_day, read_amount(section, "bytes_in_per_day", kMostBytesPerDay));
  BASE_TRY(limits.bytes_out_per_day, read_amount(section, "bytes_out_per_day", kMostBytesPerDay));
  return limits;
}

base::Result<std::vector<PathPattern>> read_paths(ConfigSection& section) {
  BASE_TRY(const auto texts, section.texts("paths"));
  if (texts.empty()) return wrong(section, "paths", "must name at least one path; \"/**\" is every path");
  if (texts.size() > Policy::kMostPathsOfAGrant) return wrong(section, "paths", "names more than 256 paths");
  std::vector<PathPattern> paths;
  for (const std::string& text : texts) {
    auto path = PathPattern::parse(text);
    if (!path) return wrong(section, "paths", std::move(path).error());
    paths.push_back(std::move(*path));
  }
  return paths;
}

base::Result<Grant> read_grant(ConfigSection& section, std::set<std::string>& taken, const Sets& sets) {
  BASE_TRY(std::string name, read_name(section, taken));
  BASE_TRY(auto to, read_names(section, "to", sets));
  BASE_TRY(const std::string host_text, section.text_or("host", "*"));
  auto host = HostPattern::parse(host_text);
  if (!host) return wrong(section, "host", std::move(host).error());
  BASE_TRY(const auto method_names, section.texts("methods"));
  auto methods = MethodSet::parse(method_names);
  if (!methods) return wrong(section, "methods", std::move(methods).error());
  BASE_TRY(auto paths, read_paths(section));
  net::Networks from;
  if (section.has("from")) {
    BASE_TRY(from, read_networks(section));
  }
  BASE_TRY(const bool api_key, section.flag_or("api_key", false));
  return Grant{std::move(name),  std::move(to),   std::move(*host), std::move(*methods),
               std::move(paths), std::move(from), api_key};
}

}  // namespace

class PolicyReader {
 public:
  explicit PolicyReader(ConfigSection top) : top_(std::move(top)), policy_(new Policy()) {}

  base::Result<PolicyPointer> read() {
    if (top_.has("mode")) {
      BASE_TRY(policy_->mode_, read_mode(top_));
    }
    BASE_TRY_VOID(read_grants());
    BASE_TRY_VOID(read_partners());
    BASE_TRY_VOID(read_api_keys());
    BASE_TRY_VOID(read_key_field());
    BASE_TRY_VOID(top_.finish());
    return PolicyPointer(policy_);
  }

 private:
  base::Result<void> read_grants() {
    BASE_TRY(const Sets sets, read_sets(top_));
    BASE_TRY(auto sections, top_.sections("grants"));
    if (sections.size() > Policy::kMostGrants) return wrong(top_, "grants", "are more than 20000");
    std::set<std::string> taken;
    for (ConfigSection& section : sections) {
      BASE_TRY(auto grant, read_grant(section, taken, sets));
      for (const std::string& to : grant.to)
        for (const PathPattern& path : grant.paths)
          policy_->grants_to_[to].add(path, static_cast<std::uint32_t>(policy_->grants_.size()));
      policy_->grants_.push_back(std::move(grant));
    }
    return {};
  }

  base::Result<void> read_partners() {
    BASE_TRY(auto sections, top_.sections("partners"));
    for (ConfigSection& section : sections) {
      BASE_TRY(const std::string text, section.text("who"));
      auto who = parse_partners(text);
      if (!who) return wrong(section, "who", std::move(who).error());
      Terms terms;
      if (section.has("mode")) {
        BASE_TRY(terms.mode, read_mode(section));
      }
      if (section.has("from")) {
        BASE_TRY(terms.from, read_networks(section));
      }
      BASE_TRY(terms.limits, read_limits(section));
      if (!policy_->terms_.emplace(*who, std::move(terms)).second)
        return wrong(section, "who", "is there twice: '" + *who + "'");
    }
    return {};
  }

  base::Result<void> read_api_keys() {
    BASE_TRY(auto sections, top_.sections("api_keys"));
    std::set<crypto::Digest256> taken;
    for (ConfigSection& section : sections) {
      BASE_TRY(const std::string text, section.text("owner"));
      const auto owner = parse_caller(text);
      if (!owner) return wrong(section, "owner", owner.error());
      if (!owner->identity()) return wrong(section, "owner", "must be an application: a key alone opens nothing");
      BASE_TRY(const auto digests, section.texts("digests"));
      if (digests.empty() || digests.size() > Policy::kDigestsOfAKey)
        return wrong(section, "digests", "must be one, or two while a key is replaced by the next");
      auto& keys = policy_->api_keys_[owner->application()];
      if (!keys.empty()) return wrong(section, "owner", "is there twice: put both digests into one entry");
      for (const std::string& digest_text : digests) {
        auto digest = parse_digest(digest_text);
        if (!digest) return wrong(section, "digests", std::move(digest).error());
        if (!taken.insert(*digest).second)
          return wrong(section, "digests", "holds a digest that is there twice: a key belongs to one application");
        keys.push_back(*digest);
      }
    }
    return {};
  }

  base::Result<void> read_key_field() {
    BASE_TRY(policy_->api_key_field_, top_.text_or("api_key_field", policy_->api_key_field_));
    const std::string& field = policy_->api_key_field_;
    const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; };
    if (field.empty() || field.size() > kLongestName || !std::ranges::all_of(field, good))
      return wrong(top_, "api_key_field", "must be the name of a field, of letters, digits and '-'");
    // A field that is withheld from upstreams must be nobody else's: what the gateway writes, or what frames a message.
    bool taken = never_travels(field);
    for (const std::string_view other : {"Authorization", "Cookie", "Content-Type", "Accept"})
      taken = taken || is_spelling_of(field, other);
    if (taken)
      return wrong(top_, "api_key_field", "is a field with a meaning of its own; name another, such as X-Api-Key");
    BASE_TRY(const bool forward, top_.flag_or("forward_api_key", false));
    if (!policy_->api_keys_.empty() && !forward) policy_->withheld_field_ = field;
    return {};
  }

  ConfigSection top_;
  std::shared_ptr<Policy> policy_;
};

base::Result<PolicyPointer> Policy::parse(std::string_view text, const std::string& origin) {
  BASE_TRY(auto top, ConfigSection::parse(text, origin));
  auto policy = PolicyReader(top).read();
  if (policy) return policy;
  return base::unexpected(top.explain(std::move(policy).error()));
}

}  // namespace countersign::policy
