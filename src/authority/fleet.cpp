#include "authority/fleet.h"

#include <array>
#include <utility>

#include <unistd.h>

#include "authority/issuance/recovery.h"
#include "base/files.h"
#include "store/instances.h"
#include "store/settings.h"

namespace countersign::authority {
namespace {

/// HOST:FOLDER.
std::string label_of(const DataFolder& folder) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ":" + folder.root().string();
}

base::Result<std::string> random_name(crypto::Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  BASE_TRY_VOID(random.fill(bytes));
  return base::to_hex(bytes);
}

std::set<std::string> ids_of(const std::vector<store::InstanceRow>& rows) {
  std::set<std::string> ids;
  for (const store::InstanceRow& row : rows)
    ids.insert(row.id);
  return ids;
}

}  // namespace

base::Result<void> Fleet::join(const DataFolder& folder, crypto::Random& random) {
  label_ = label_of(folder);
  started_at_ = ledger_.now();
  BASE_TRY(std::string id, random_name(random));
  BASE_TRY(std::string fresh_feed_id, random_name(random));
  if (!ledger_.is_shared()) {
    ledger_.work_as(std::move(id));
    feed_id_ = std::move(fresh_feed_id);
    return abandon_intents({});
  }
  const auto former = base::read_file(folder.instance());
  if (!former && former.error().code != "file.not_found") return base::unexpected(former.error());
  BASE_TRY_VOID(base::write_file(folder.instance(), id, base::FileMode::owner_only));
  ledger_.work_as(std::move(id));
  BASE_TRY_VOID(take_place(former ? *former : "", fresh_feed_id));
  joined_ = true;
  return abandon_unowned();
}

base::Result<void> Fleet::take_place(const std::string& former, const std::string& fresh_feed_id) {
  const base::Instant now = ledger_.now();
  BASE_TRY(auto rows, ledger_.write_unaudited());
  BASE_TRY_VOID(store::remove_instance(rows, former));
  BASE_TRY(const auto instances, store::list_instances(rows));
  bool alone = true;
  for (const store::InstanceRow& row : instances) {
    const bool seen_lately = row.seen_at > now - kSeenLately;
    alone = alone && !seen_lately;
    if (!seen_lately) BASE_TRY_VOID(store::remove_instance(rows, row.id));
  }
  BASE_TRY_VOID(store::put_instance(rows, {ledger_.instance(), label_, started_at_, now}));
  BASE_TRY(auto feed_id, store::find_setting(rows, kFeedId));
  if (alone || !feed_id) {
    BASE_TRY_VOID(store::set_setting(rows, kFeedId, fresh_feed_id));
    feed_id = fresh_feed_id;
  }
  BASE_TRY_VOID(rows.commit());
  feed_id_ = *feed_id;
  return {};
}

base::Result<void> Fleet::abandon_unowned() {
  std::set<std::string> living;
  {
    BASE_TRY(auto rows, ledger_.read());
    BASE_TRY(const auto instances, store::list_instances(rows));
    living = ids_of(instances);
  }
  return abandon_intents(living);
}

/// An audit log that takes no records does not stop a start: no intent is ever signed again anyhow.
base::Result<void> Fleet::abandon_intents(const std::set<std::string>& living) {
  const auto abandoned = abandon_open_intents(ledger_, living);
  if (!abandoned && abandoned.error().code == "audit.broken") return {};
  BASE_TRY(const std::size_t intents, abandoned);
  if (intents > 0) log_.warning("issuance.abandoned", {{"intents", intents}});
  return {};
}

base::Result<void> Fleet::beat() {
  std::vector<store::InstanceRow> instances;
  {
    BASE_TRY(auto rows, ledger_.write_unaudited());
    BASE_TRY_VOID(store::put_instance(rows, {ledger_.instance(), label_, started_at_, ledger_.now()}));
    BASE_TRY(instances, store::list_instances(rows));
    BASE_TRY_VOID(rows.commit());
  }
  std::map<std::string, Seen> seen;
  for (const store::InstanceRow& row : instances) {
    if (row.id == ledger_.instance()) continue;
    const auto known = others_.find(row.id);
    const bool silent = known != others_.end() && known->second.at == row.seen_at;
    seen[row.id] = {row.seen_at, silent ? known->second.silent + 1 : 0};
    if (known == others_.end()) log_.info("authority.another", {{"instance", row.id}, {"at", row.label}});
  }
  others_ = std::move(seen);
  for (const auto& [id, other] : others_)
    if (other.silent >= kSilentBeats) BASE_TRY_VOID(remove_lost(id));
  return {};
}

/// Whoever of the others comes first does it; one that was renewed meanwhile stays.
base::Result<void> Fleet::remove_lost(const std::string& id) {
  {
    BASE_TRY(auto rows, ledger_.write_unaudited());
    BASE_TRY(const auto instances, store::list_instances(rows));
    for (const store::InstanceRow& row : instances)
      if (row.id == id && row.seen_at == others_.at(id).at) BASE_TRY_VOID(store::remove_instance(rows, id));
    BASE_TRY_VOID(rows.commit());
  }
  log_.warning("authority.lost", {{"instance", id}});
  return abandon_unowned();
}

void Fleet::leave() {
  if (!std::exchange(joined_, false)) return;
  auto rows = ledger_.write_unaudited();
  if (rows && store::remove_instance(*rows, ledger_.instance())) (void)rows->commit();
}

base::Result<void> Fleet::read_feed_id() {
  BASE_TRY(auto rows, ledger_.read());
  BASE_TRY(auto feed_id, store::find_setting(rows, kFeedId));
  if (feed_id) feed_id_ = std::move(*feed_id);
  return {};
}

}  // namespace countersign::authority
