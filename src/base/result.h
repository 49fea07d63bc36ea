// Result<T, E>: the answer of everything that can be refused or can fail.
//
// Absence is std::optional; refusal and failure are Result; a bug of ours is BASE_CHECK. Countersign never throws:
// exceptions of foreign libraries are caught where they are called, at the latest in net::spawn and main.
// The member names are those of std::expected (C++23), of which tl::expected is the C++20 form.
#pragma once

#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

#include "base/error.h"

namespace countersign::base {

template <class T, class E = Error>
class [[nodiscard]] Result : public tl::expected<T, E> {
 public:
  using tl::expected<T, E>::expected;
};

/// The refused side of a Result: `return base::fail(kind, code, detail)` or `return base::unexpected(refusal)`.
template <class E>
tl::unexpected<std::decay_t<E>> unexpected(E&& error) {
  return tl::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

/// The refused side of a Result<T, Error>. The arguments are those of Error's members.
inline tl::unexpected<Error> fail(Kind kind, std::string code, std::string detail) {
  return tl::unexpected<Error>(Error{kind, std::move(code), std::move(detail), nullptr});
}

}  // namespace countersign::base

#define BASE_DETAIL_CAT2(a, b) a##b
#define BASE_DETAIL_CAT(a, b) BASE_DETAIL_CAT2(a, b)
#define BASE_DETAIL_TRY(ret, tmp, declaration, ...)                      \
  auto tmp = (__VA_ARGS__);                                              \
  if (!tmp) ret ::countersign::base::unexpected(std::move(tmp).error()); \
  declaration = std::move(*tmp)
#define BASE_DETAIL_TRY_VOID(ret, tmp, ...) \
  if (auto tmp = (__VA_ARGS__); !tmp) ret ::countersign::base::unexpected(std::move(tmp).error())

/// BASE_TRY(auto value, expression): takes the value out of a Result, or returns its error from this function.
#define BASE_TRY(declaration, ...) \
  BASE_DETAIL_TRY(return, BASE_DETAIL_CAT(base_try_, __LINE__), declaration, __VA_ARGS__)
/// BASE_TRY_VOID(expression): the same for a Result<void>.
#define BASE_TRY_VOID(...) BASE_DETAIL_TRY_VOID(return, BASE_DETAIL_CAT(base_try_, __LINE__), __VA_ARGS__)
/// The two for coroutines.
#define BASE_CO_TRY(declaration, ...) \
  BASE_DETAIL_TRY(co_return, BASE_DETAIL_CAT(base_try_, __LINE__), declaration, __VA_ARGS__)
#define BASE_CO_TRY_VOID(...) BASE_DETAIL_TRY_VOID(co_return, BASE_DETAIL_CAT(base_try_, __LINE__), __VA_ARGS__)
