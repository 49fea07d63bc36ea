// Which URIs name a registry, and that none of them gives its password away.
#include "store/location.h"

#include <gtest/gtest.h>

#include "testing/code_of.h"

namespace countersign::store {
namespace {

using testing::code_of;

TEST(Location, IsParsedOrRefused) {
  struct Row {
    const char* name;
    std::string uri;
    const char* code;
  };
  const std::string remote = "postgresql://authority@db.example/countersign";
  for (const Row& row :
       {Row{"a socket", "postgresql:///countersign?host=/run/postgresql", "ok"},
        Row{"this machine", "postgresql://authority:secret@127.0.0.1:5432/countersign", "ok"},
        Row{"the other spelling", "postgres://authority@localhost/countersign", "ok"},
        Row{"IPv6", "postgresql://authority@[::1]:5432/countersign", "ok"},
        Row{"a password file", "postgresql://localhost/countersign?passfile=/etc/countersign/pgpass", "ok"},
        Row{"another machine", remote, "ok"},
        Row{"another machine, verified", remote + "?sslmode=verify-full&sslrootcert=/etc/ca.pem", "ok"},
        Row{"another machine, encrypted only", remote + "?sslmode=require", "store.location"},
        Row{"another machine, whatever comes", remote + "?sslmode=prefer", "store.location"},
        Row{"one of two on another machine", "postgresql://localhost,db.example/x?sslmode=disable", "store.location"},
        Row{"another machine's address", "postgresql://localhost/x?hostaddr=10.0.0.1&sslmode=disable",
            "store.location"},
        Row{"this machine, plain", "postgresql://localhost/countersign?sslmode=disable", "ok"},
        Row{"no database", "postgresql://localhost", "store.location"},
        Row{"no database but a slash", "postgresql://localhost/", "store.location"},
        Row{"a database that is a connection", "postgresql://localhost/host%3Devil", "store.location"},
        Row{"another scheme", "mysql://localhost/countersign", "store.location"},
        Row{"no URI", "host=localhost dbname=countersign", "store.location"},
        Row{"nothing", "", "store.location"},
        Row{"a parameter that undoes settings", "postgresql://localhost/x?options=-csynchronous_commit%3Doff",
            "store.location"},
        Row{"a service that hides a host", "postgresql://localhost/x?service=other", "store.location"},
        Row{"an unknown parameter", "postgresql://localhost/x?colour=red", "store.location"},
        Row{"a port that is none", "postgresql://localhost/x?port", "store.location"},
        Row{"a bad escape", "postgresql://u:p%zz@localhost/x", "store.location"},
        Row{"a space", "postgresql://localhost/x y", "store.location"},
        Row{"a line end", "postgresql://localhost/x\n", "store.location"}})
    EXPECT_EQ(code_of(Location::parse(row.uri)), row.code) << row.name;
  EXPECT_EQ(code_of(Location::parse(remote + "?sslmode=prefer", Location::Peer::danger_anybody)), "ok");
}

TEST(Location, NeverShowsAPassword) {
  const auto location =
      Location::parse("postgresql://authority:s3cr3t@127.0.0.1:5433/countersign?sslpassword=s3cr3t&sslmode=disable");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->to_string(), "postgresql://authority@127.0.0.1:5433/countersign");
  for (const char* uri : {"postgresql://authority:s3cr3t@localhost", "postgresql://authority:s3cr3t%zz@localhost/x",
                          "postgresql://authority@localhost/x?password=s3cr3t&colour=red",
                          "postgresql://authority:s3cr3t@db.example/x?sslmode=disable"}) {
    const auto refused = Location::parse(uri);
    ASSERT_FALSE(refused) << uri;
    EXPECT_EQ(base::to_string(refused.error()).find("s3cr3t"), std::string::npos) << uri;
  }
}

TEST(Location, TellsAnotherMachineToProveItself) {
  const auto text = [](const char* uri) {
    return std::string(Location::parse(uri, Location::Peer::verified)->connection().reveal_text());
  };
  EXPECT_NE(text("postgresql://db.example/x").find("sslmode='verify-full'"), std::string::npos);
  EXPECT_EQ(text("postgresql://localhost/x").find("sslmode"), std::string::npos);
  EXPECT_NE(text("postgresql://u:a%27b%5C@localhost/x").find("password='a\\'b\\\\'"), std::string::npos);
  EXPECT_NE(text("postgresql://localhost/x?connect_timeout=9").find("connect_timeout='9'"), std::string::npos);
}

TEST(Location, IsSharedOrAFile) {
  const Location file = std::filesystem::path("/var/lib/countersign/registry.db");
  EXPECT_FALSE(file.is_shared());
  EXPECT_EQ(file.to_string(), "/var/lib/countersign/registry.db");
  EXPECT_TRUE(Location::parse("postgresql://localhost/x")->is_shared());
}

}  // namespace
}  // namespace countersign::store
