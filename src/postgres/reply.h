// Reply: what libpq gave back for one or several statements: the answer to the last, or to the first that failed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <libpq-fe.h>

namespace countersign::postgres {

class Reply {
 public:
  /// Owns `result`, which is null where libpq had no memory or no connection.
  Reply(PGconn* connection, PGresult* result);
  /// Has the server do `statements` now.
  Reply(PGconn* connection, const char* statements) : Reply(connection, PQexec(connection, statements)) {}

  bool ok() const;
  /// SQLSTATE; blank where the server did not say one: then there is no server.
  std::string state() const;
  const std::string& message() const { return message_; }
  /// What was done: "COMMIT", "ROLLBACK" and so on.
  std::string_view command() const;
  int rows() const;
  /// Rows that a statement has changed.
  std::int64_t changed() const;
  /// Of the first row; empty where there is none.
  std::string value(int column) const;
  const PGresult* result() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, decltype(&PQclear)> result_;
  std::string message_;
};

}  // namespace countersign::postgres
