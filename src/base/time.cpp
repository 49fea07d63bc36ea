#include "base/time.h"

#include <algorithm>

namespace countersign::base {
namespace {

/// With milliseconds and zone.
constexpr std::size_t kRfc3339Size = 24;

struct Civil {
  int year;
  unsigned month, day, hour, minute, second;
};

Civil to_civil(Instant at) {
  using namespace std::chrono;
  const sys_seconds when{seconds(at.unix_seconds())};
  const sys_days day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss<seconds> clock(when - day);
  return {int(date.year()),
          unsigned(date.month()),
          unsigned(date.day()),
          static_cast<unsigned>(clock.hours().count()),
          static_cast<unsigned>(clock.minutes().count()),
          static_cast<unsigned>(clock.seconds().count())};
}

/// Reads exactly `count` digits off the front of `text`, or says that there are none.
bool take_digits(std::string_view& text, int count, int& value) {
  if (text.size() < static_cast<std::size_t>(count)) return false;
  value = 0;
  for (int i = 0; i < count; ++i) {
    const char c = text[static_cast<std::size_t>(i)];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(static_cast<std::size_t>(count));
  return true;
}

bool take(std::string_view& text, char upper, char lower) {
  if (text.empty() || (text.front() != upper && text.front() != lower)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, std::int64_t& micros) {
  micros = 0;
  if (!take(text, '.', '.')) return true;
  std::int64_t unit = 100'000;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, unit /= 10)
    micros += (text[digits] - '0') * unit;
  text.remove_prefix(digits);
  return digits > 0;
}

bool take_offset(std::string_view& text, int& minutes) {
  minutes = 0;
  if (take(text, 'Z', 'z')) return true;
  const bool east = !text.empty() && text.front() == '+';
  if (!take(text, '+', '-')) return false;
  int hour = 0;
  int minute = 0;
  if (!take_digits(text, 2, hour) || !take(text, ':', ':') || !take_digits(text, 2, minute)) return false;
  if (hour > 23 || minute > 59) return false;
  minutes = (hour * 60 + minute) * (east ? 1 : -1);
  return true;
}

/// The last so many digits of `number`.
void put_digits(char* at, unsigned number, std::size_t width) {
  for (; width > 0; number /= 10)
    at[--width] = static_cast<char>('0' + number % 10);
}

/// `number` with at least so many digits.
void append_digits(std::string& text, unsigned number, std::size_t width) {
  std::size_t count = 1;
  for (unsigned rest = number / 10; rest > 0; rest /= 10)
    ++count;
  const std::size_t begin = text.size();
  text.resize(begin + std::max(count, width));
  put_digits(text.data() + begin, number, text.size() - begin);
}

/// By hand: every record of every log has a time, and printf takes longer than the rest of a record's head.
std::string without_zone(Instant at) {
  const Civil t = to_civil(at);
  std::string text;
  text.reserve(kRfc3339Size);
  if (t.year < 0) text += '-';
  append_digits(text, static_cast<unsigned>(t.year < 0 ? -t.year : t.year), t.year < 0 ? 3 : 4);
  std::size_t place = text.size() + 1;
  text += "-00-00T00:00:00";
  for (const unsigned part : {t.month, t.day, t.hour, t.minute, t.second}) {
    put_digits(text.data() + place, part, 2);
    place += 3;
  }
  return text;
}

}  // namespace

std::string to_rfc3339(Instant at) {
  std::string text = without_zone(at);
  text += 'Z';
  return text;
}

std::string to_rfc3339_millis(Instant at) {
  std::string text = without_zone(at);
  text += '.';
  append_digits(text, static_cast<unsigned>((at.micros - at.unix_seconds() * 1'000'000) / 1000), 3);
  text += 'Z';
  return text;
}

Result<Instant> parse_rfc3339(std::string_view text) {
  const auto refuse = [&] {
    return fail(Kind::invalid, "time.invalid",
                "'" + std::string(text.substr(0, 40)) + "' is not a time: write it like 2026-11-23T14:45:00Z");
  };
  std::string_view rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offset = 0;
  std::int64_t micros = 0;
  const bool shaped = take_digits(rest, 4, year) && take(rest, '-', '-') && take_digits(rest, 2, month) &&
                      take(rest, '-', '-') && take_digits(rest, 2, day) && take(rest, 'T', 't') &&
                      take_digits(rest, 2, hour) && take(rest, ':', ':') && take_digits(rest, 2, minute) &&
                      take(rest, ':', ':') && take_digits(rest, 2, second) && take_fraction(rest, micros) &&
                      take_offset(rest, offset) && rest.empty();
  if (!shaped || hour > 23 || minute > 59 || second > 59) return refuse();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return refuse();
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + hour * 3600 + (minute - offset) * 60 + second;
  return Instant{seconds * 1'000'000 + micros};
}

Instant SystemClock::now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
}

}  // namespace countersign::base
