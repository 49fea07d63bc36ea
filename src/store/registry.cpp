#include "store/registry.h"

#include <exception>

#include <soci/postgresql/soci-postgresql.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "base/json.h"
#include "store/dialect.h"
#include "store/engine.h"
#include "store/sql.h"

namespace countersign::store {

base::Error to_error(const std::exception& thrown, const char* doing) {
  const std::string what = std::string("cannot ") + doing + ": " + thrown.what();
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&thrown))
    return from_sqlite(sqlite->result(), what);
  if (const auto* postgresql = dynamic_cast<const soci::postgresql_soci_error*>(&thrown))
    return from_sqlstate(postgresql->sqlstate(), what);
  return {base::Kind::internal, "store.statement", what};
}

struct Registry::Impl {
  std::unique_ptr<Engine> engine;
  Location location;
  bool in_use = false;
  bool reads_together = false;
  bool snapshot = false;  ///< one is open, and nobody reads it now
};

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::Registry(Registry&&) noexcept = default;
Registry::~Registry() { BASE_CHECK(impl_ == nullptr || !impl_->in_use); }

base::Result<Registry> Registry::open(const Location& location) {
  BASE_TRY(auto engine, location.is_shared() ? open_postgresql(location) : open_sqlite(location));
  return Registry(std::make_unique<Impl>(Impl{std::move(engine), location}));
}

const Location& Registry::location() const { return impl_->location; }

base::Result<Transaction> Registry::begin() {
  BASE_CHECK(!impl_->in_use);
  end_snapshot();
  BASE_TRY_VOID(impl_->engine->begin(Access::amending));
  return started(nullptr);
}

base::Result<Transaction> Registry::begin_noting() {
  BASE_CHECK(!impl_->in_use);
  end_snapshot();
  BASE_TRY_VOID(impl_->engine->begin(Access::noting));
  return started(nullptr);
}

base::Result<Transaction> Registry::begin_reading() {
  BASE_CHECK(!impl_->in_use);
  if (!impl_->snapshot) BASE_TRY_VOID(impl_->engine->begin(Access::reading));
  impl_->snapshot = impl_->reads_together;
  return started(impl_->reads_together ? &impl_->snapshot : nullptr);
}

Transaction Registry::started(bool* snapshot) {
  impl_->in_use = true;
  Engine& engine = *impl_->engine;
  return Transaction(
      std::make_unique<Transaction::Impl>(Transaction::Impl{engine.session(), engine, impl_->in_use, snapshot}));
}

void Registry::end_snapshot() {
  if (std::exchange(impl_->snapshot, false)) impl_->engine->rollback();
}

Registry::ReadingTogether::ReadingTogether(Registry& registry) : registry_(registry) {
  BASE_CHECK(!registry_.impl_->reads_together && !registry_.impl_->in_use);
  registry_.impl_->reads_together = true;
}

Registry::ReadingTogether::~ReadingTogether() {
  registry_.impl_->reads_together = false;
  registry_.end_snapshot();
}

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;

Transaction::~Transaction() {
  if (impl_ != nullptr) impl_->end();
}

void Transaction::Impl::end() {
  if (!std::exchange(open, false)) return;
  in_use = false;
  if (snapshot != nullptr && !failed) return;  // others read it, too
  if (snapshot != nullptr) *snapshot = false;
  engine.rollback();
}

base::Result<void> Transaction::commit() {
  BASE_CHECK(impl_->open);
  if (impl_->failed)
    return base::fail(base::Kind::internal, "store.failed_before",
                      "a statement of this transaction failed: nothing is kept");
  auto committed = impl_->engine.commit();
  if (!committed && committed.error().code != "store.unknown_outcome") return committed;
  impl_->open = false;
  impl_->in_use = false;
  return committed;
}

std::string join(const std::vector<std::string>& texts) {
  base::json::array array;
  for (const std::string& text : texts)
    array.emplace_back(text);
  return base::json::serialize(array);
}

std::vector<std::string> split(const std::string& text) {
  const auto value = base::parse_json(text);
  const auto* array = value ? value->if_array() : nullptr;
  if (array == nullptr) throw soci::soci_error("a column that should hold a list holds something else");
  std::vector<std::string> texts;
  for (const base::json::value& element : *array) {
    const auto* string = element.if_string();
    if (string == nullptr) throw soci::soci_error("a column that should hold a list of texts holds something else");
    texts.emplace_back(string->data(), string->size());
  }
  return texts;
}

}  // namespace countersign::store
