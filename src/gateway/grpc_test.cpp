#include "gateway/grpc.h"

#include <gtest/gtest.h>

#include "http/problem.h"

namespace countersign::gateway {
namespace {

TEST(Grpc, IsKnownByItsContentType) {
  for (const auto& [type, grpc] : {std::pair<std::string, bool>{"application/grpc", true},
                                   std::pair<std::string, bool>{"application/grpc+proto", true},
                                   std::pair<std::string, bool>{"application/grpc;x=y", true},
                                   std::pair<std::string, bool>{"application/grpc-web", false},
                                   std::pair<std::string, bool>{"application/json", false}}) {
    http::Fields fields;
    fields.add("Content-Type", type);
    EXPECT_EQ(is_grpc(fields), grpc) << type;
  }
  EXPECT_FALSE(is_grpc({}));
}

TEST(Grpc, ARefusalIsAHeadAlone) {
  http::Response problem =
      http::to_problem({base::Kind::denied, "policy.too_fast", "100% used up:\nwait \xc3\xa9"}, 429);
  problem.fields.add("Retry-After", "3");
  const http::Response told = to_grpc(problem);
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.body, "");
  EXPECT_EQ(told.fields.find("grpc-status"), "8");
  EXPECT_EQ(told.fields.find("grpc-message"), "policy.too_fast: 100%25 used up:%0Await %C3%A9");
  EXPECT_EQ(told.fields.find("content-type"), "application/grpc");
  EXPECT_EQ(told.fields.find("retry-after"), "3");
}

TEST(Grpc, EachStatusHasItsOwn) {
  for (const auto& [http_status, grpc_status] :
       {std::pair{400, "13"}, std::pair{403, "7"}, std::pair{404, "12"}, std::pair{421, "9"}, std::pair{429, "8"},
        std::pair{500, "13"}, std::pair{502, "14"}, std::pair{503, "14"}, std::pair{504, "4"}, std::pair{409, "2"}}) {
    const http::Response told = to_grpc(http::to_problem({base::Kind::denied, "x", "y"}, http_status));
    EXPECT_EQ(told.fields.find("grpc-status"), grpc_status) << http_status;
  }
}

}  // namespace
}  // namespace countersign::gateway
