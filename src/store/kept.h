// Private to store: statements that stay prepared, for what every issuance does. Each is a struct with the variables
// that it reads and writes, bound once, and `soci::statement statement`, made by its constructor from a session.
//
// Preparing one takes longer than running it, and on PostgreSQL two more answers of the server.
#pragma once

#include <memory>
#include <typeindex>
#include <unordered_map>

#include <soci/soci.h>

namespace countersign::store {

/// Those of one connection: it must outlive them, and they are forgotten when it is lost.
class Kept {
 public:
  template <class Statement>
  Statement& of(soci::session& sql) {
    std::shared_ptr<void>& slot = statements_[typeid(Statement)];
    if (slot == nullptr) slot = std::make_shared<Statement>(sql);
    return *static_cast<Statement*>(slot.get());
  }
  void forget() { statements_.clear(); }

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> statements_;
};

}  // namespace countersign::store
