// Where a test's outbox is: as testing/registries.h has it for registries, on the engine that this run is for.
#pragma once

#include "outbox/outbox.h"
#include "testing/registries.h"

namespace countersign::outbox {

inline Outbox::Options outbox_at(const std::filesystem::path& file) {
  Outbox::Options options{.file = file};
  if (!testing::on_postgresql()) return options;
  const store::Location database = testing::registry_at(file);
  options.shared =
      postgres::Address{std::make_shared<const base::Secret>(std::string_view(database.connection().reveal_text())),
                        database.to_string()};
  return options;
}

}  // namespace countersign::outbox
