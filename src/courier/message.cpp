#include "courier/message.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/bytes.h"

namespace countersign::courier {
namespace {

constexpr std::size_t kSubjectLimit = 300;
/// RFC 5322 section 2.1.1.
constexpr std::size_t kLineLimit = 998;
/// RFC 2045 section 6.8.
constexpr std::size_t kBase64Line = 76;

bool is_printable(char c) { return c >= 0x20 && c < 0x7f; }

/// RFC 5322 section 3.3; always in English, whatever the locale.
std::string to_date(base::Instant at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = at.unix_seconds();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  const auto two = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return std::string(kDays[parts.tm_wday]) + ", " + two(parts.tm_mday) + " " + kMonths[parts.tm_mon] + " " +
         std::to_string(parts.tm_year + 1900) + " " + two(parts.tm_hour) + ":" + two(parts.tm_min) + ":" +
         two(parts.tm_sec) + " +0000";
}

/// Plain lines; nothing when the text needs an encoding to get through unchanged.
std::optional<std::string> as_lines(std::string_view text) {
  std::string lines;
  std::size_t length = 0;
  for (const char c : text) {
    if (c == '\n') {
      lines += "\r\n";
      length = 0;
      continue;
    }
    if (!is_printable(c) || ++length > kLineLimit) return std::nullopt;
    lines += c;
  }
  if (length > 0) lines += "\r\n";
  return lines;
}

std::string as_base64(std::string_view text) {
  const std::string encoded = base::to_base64(base::as_bytes(text));
  std::string lines;
  for (std::size_t at = 0; at < encoded.size(); at += kBase64Line)
    lines += encoded.substr(at, kBase64Line) + "\r\n";
  return lines;
}

}  // namespace

base::Result<std::string> to_message(const Mail& mail) {
  if (mail.subject.empty() || mail.subject.size() > kSubjectLimit || !std::ranges::all_of(mail.subject, is_printable))
    return base::fail(base::Kind::internal, "mail.header", "a subject is 1 to 300 printable ASCII characters");
  const auto plain = as_lines(mail.text);
  return "Date: " + to_date(mail.date) + "\r\nFrom: <" + mail.from.text() + ">\r\nTo: <" + mail.to.text() +
         ">\r\nSubject: " + mail.subject + "\r\nMessage-ID: <" + mail.id + "@" + std::string(mail.from.domain()) +
         ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: " +
         (plain ? "7bit\r\n\r\n" + *plain : "base64\r\n\r\n" + as_base64(mail.text));
}

}  // namespace countersign::courier
