// Characters and small texts of HTTP (RFC 9110 section 5.6). Private to http.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::http {

/// tchar, RFC 9110 section 5.6.2.
bool is_token_character(char c);
bool is_token(std::string_view text);
/// 0x20 to 0x7e, horizontal tab, and obs-text (0x80 and above).
bool is_field_text(std::string_view text);
/// 0x21 to 0x7e only: what a request target may be made of.
bool is_visible_ascii(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
char to_lower(char c);
/// Without spaces and tabs around it.
std::string_view trim(std::string_view text);
/// Decimal digits only, up to 18 of them.
std::optional<std::uint64_t> parse_decimal(std::string_view text);
/// Hexadecimal digits only, up to 15 of them.
std::optional<std::uint64_t> parse_hexadecimal(std::string_view text);
/// Each %XX once; `plus` as a space when `form` encoding is asked for. Nothing on a broken escape.
enum class PlusSign { literal, space };
std::optional<std::string> percent_decode(std::string_view text, PlusSign plus);

}  // namespace countersign::http
