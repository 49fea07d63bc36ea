// Location: where a registry lives: in a SQLite file of one authority, or in a PostgreSQL database that several may
// share.
//
// A URI is taken apart and checked before anybody connects; what it says of passwords is never shown. A password need
// not be in it: libpq's password file (~/.pgpass, `passfile`) and environment (PGPASSWORD) work as everywhere.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "postgres/address.h"

namespace countersign::store {

class Location {
 public:
  using Peer = postgres::Peer;

  /// A SQLite file.
  Location(std::filesystem::path file) : file_(std::move(file)) {}  // NOLINT: a path is a location
  /// `postgresql://[user[:password]@][host][:port]/database[?parameters]`, several hosts too; a database must be named.
  /// Fails: `store.location`, which says what is wrong without repeating the URI.
  static base::Result<Location> parse(const std::string& uri, Peer peer = Peer::verified);

  /// Is it PostgreSQL, so that other authorities may work on the same registry?
  bool is_shared() const { return connection_ != nullptr; }
  const std::filesystem::path& file() const { return file_; }
  /// For people and logs: the file, or user, hosts and database. Never a password.
  const std::string& to_string() const { return is_shared() ? shown_ : file_.native(); }
  /// What libpq is given (`keyword='value' ...`), with our own limits on waiting added.
  const base::Secret& connection() const { return *connection_; }

 private:
  Location() = default;
  std::filesystem::path file_;
  std::string shown_;
  std::shared_ptr<const base::Secret> connection_;
};

}  // namespace countersign::store
