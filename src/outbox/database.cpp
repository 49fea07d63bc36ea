#include "outbox/database.h"

#include <utility>

#include "base/json.h"

namespace countersign::outbox {
namespace {

/// JSON is UTF-8, a field's value any bytes (RFC 9110 section 5.5, obs-text): each byte is taken for the character of
/// its number.
std::string to_characters(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

std::string to_bytes(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool begins_two = byte >= 0xc2 && byte <= 0xc3 && i + 1 < text.size();
    bytes +=
        begins_two ? static_cast<char>((byte & 0x03) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f)) : text[i];
  }
  return bytes;
}

}  // namespace

std::int64_t Row::whole(std::size_t column) const {
  const auto* whole = std::get_if<std::int64_t>(&cells_[column]);
  return whole == nullptr ? 0 : *whole;
}

const std::string& Row::text(std::size_t column) const {
  static const std::string kNothing;
  const auto* text = std::get_if<std::string>(&cells_[column]);
  return text == nullptr ? kNothing : *text;
}

base::Result<Writing> Writing::begin(Database& database) {
  BASE_TRY_VOID(database.begin());
  return Writing(database);
}

base::Result<void> Writing::commit() {
  BASE_TRY_VOID(database_->commit());
  database_ = nullptr;
  return {};
}

Message read_summary(const Row& row) {
  Message message;
  message.id = row.whole(0);
  message.content.endpoint = row.text(1);
  message.content.key = row.text(2);
  message.content.order_key = row.text(3);
  message.content.kind = row.text(4);
  message.attempts = row.whole(5);
  message.state = static_cast<State>(row.whole(6));
  message.accepted_at = row.instant(7);
  message.expires_at = row.instant(8);
  message.due_at = row.instant(9);
  if (!row.is_null(10)) message.settled_at = row.instant(10);
  message.last_error = row.text(11);
  message.content.keep = message.expires_at - message.accepted_at;
  return message;
}

std::string to_text(const std::vector<std::pair<std::string, std::string>>& fields) {
  base::json::array all;
  for (const auto& [field_name, value] : fields)
    all.push_back(base::json::array{field_name, to_characters(value)});
  return base::json::serialize(all);
}

Message read_message(const Row& row) {
  Message message = read_summary(row);
  const auto fields = base::parse_json(row.text(12));
  if (fields && fields->is_array())
    for (const base::json::value& field : fields->get_array())
      if (field.is_array() && field.get_array().size() == 2)
        message.content.fields.emplace_back(field.get_array()[0].as_string(),
                                            to_bytes(field.get_array()[1].as_string()));
  message.content.body = row.text(13);
  return message;
}

}  // namespace countersign::outbox
