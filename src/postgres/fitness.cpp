#include "postgres/fitness.h"

namespace countersign::postgres {
namespace {

/// The oldest whose features we use; 15 is what tests run on.
constexpr int kOldestServer = 130000;

}  // namespace

std::string unfitness(PGconn* connection, const Reply& answer) {
  if (PQserverVersion(connection) < kOldestServer) return "is older than PostgreSQL 13";
  if (answer.value(0) != "on" || answer.value(1) != "on")
    return "does not keep what it has confirmed: set fsync and full_page_writes to on";
  if (answer.value(2) != "UTF8") return "has a database of another encoding than UTF8: make it anew";
  return "";
}

}  // namespace countersign::postgres
