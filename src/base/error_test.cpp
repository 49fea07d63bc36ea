// Secrets, Result and Error.
#include "base/error.h"

#include <type_traits>

#include <gtest/gtest.h>

#include "base/exit_code.h"
#include "base/result.h"
#include "base/secret.h"
#include "testing/code_of.h"

namespace countersign::base {
namespace {

using testing::code_of;

TEST(Secret, MovesAndNeverCopies) {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);
  Secret first(std::string_view("open sesame"));
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(second.reveal_text(), "open sesame");
  Secret third(std::string_view("old"));
  third = std::move(second);
  EXPECT_EQ(third.reveal_text(), "open sesame");
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, Equals) {
  const Secret secret(std::string_view("abc"));
  const struct {
    std::string_view other;
    bool equal;
  } rows[] = {{"abc", true}, {"abd", false}, {"bbc", false}, {"ab", false}, {"abcd", false}, {"", false}};
  for (const auto& row : rows)
    EXPECT_EQ(secret.equals(as_bytes(row.other)), row.equal) << row.other;
  EXPECT_TRUE(Secret().equals({}));
}

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Kind::invalid, "number.odd", "the number is odd");
  return number / 2;
}

Result<int> quarter(int number) {
  BASE_TRY(const int halved, half(number));
  BASE_TRY_VOID(half(halved));
  return halved / 2;
}

TEST(Result, TryGivesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(code_of(quarter(7)), "number.odd");
  EXPECT_EQ(code_of(quarter(6)), "number.odd");
}

TEST(Error, AChainKeepsKindAndCauses) {
  const Error error = half(1).error().under("outer", "cannot count");
  const Error outermost = Error(error).under("outermost", "cannot start");
  EXPECT_EQ(outermost.kind, Kind::invalid);
  EXPECT_EQ(to_string(outermost), "cannot start (outermost): cannot count (outer): the number is odd (number.odd)");
  EXPECT_EQ(to_string(half(1).error()), "the number is odd (number.odd)");
}

TEST(Error, EveryKindHasANameAndAnExitCode) {
  const struct {
    Kind kind;
    std::string_view name;
    ExitCode code;
  } rows[] = {
      {Kind::invalid, "invalid", ExitCode::usage},
      {Kind::denied, "denied", ExitCode::denied},
      {Kind::not_found, "not_found", ExitCode::refused},
      {Kind::conflict, "conflict", ExitCode::refused},
      {Kind::too_large, "too_large", ExitCode::usage},
      {Kind::timeout, "timeout", ExitCode::unavailable},
      {Kind::unavailable, "unavailable", ExitCode::unavailable},
      {Kind::corrupt, "corrupt", ExitCode::failed},
      {Kind::internal, "internal", ExitCode::failed},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(name(row.kind), row.name);
    EXPECT_EQ(to_exit_code(row.kind), row.code) << row.name;
  }
}

}  // namespace
}  // namespace countersign::base
