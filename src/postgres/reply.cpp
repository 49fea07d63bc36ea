#include "postgres/reply.h"

#include <cstdlib>

namespace countersign::postgres {

Reply::Reply(PGconn* connection, PGresult* result) : result_(result, &PQclear) {
  message_ = result == nullptr ? PQerrorMessage(connection) : PQresultErrorMessage(result);
}

bool Reply::ok() const {
  const ExecStatusType status = PQresultStatus(result_.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

std::string Reply::state() const {
  const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  return state == nullptr ? "     " : state;
}

std::string_view Reply::command() const { return PQcmdStatus(result_.get()); }

std::int64_t Reply::changed() const { return std::atoll(PQcmdTuples(result_.get())); }

int Reply::rows() const { return PQntuples(result_.get()); }

std::string Reply::value(int column) const {
  return rows() == 0 ? std::string() : PQgetvalue(result_.get(), 0, column);
}

}  // namespace countersign::postgres
