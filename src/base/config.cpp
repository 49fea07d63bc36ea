#include "base/config.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <toml++/toml.h>

#include "base/files.h"
#include "base/spelling.h"

namespace countersign::base {

struct ConfigSection::Node {
  std::shared_ptr<const toml::table> document;  ///< keeps `table` alive
  const toml::table* table;
  std::string prefix;  ///< "gateway.routes[2]", or empty at the top
  std::set<std::string, std::less<>> taken = {};
  std::set<std::string, std::less<>> looked_for = {};  ///< by has()
  std::vector<std::shared_ptr<Node>> children = {};

  const toml::node* take(std::string_view key) {
    taken.emplace(key);
    return table->get(key);
  }
  /// Of the keys that were looked for and are absent, the one that is written nearly so.
  const std::string* meant_by(std::string_view key) const {
    for (const auto* keys : {&taken, &looked_for})
      for (const std::string& known : *keys)
        if (!table->contains(known) && is_nearly(key, known)) return &known;
    return nullptr;
  }
};

namespace {

std::string line_of(const toml::node& node) { return std::to_string(node.source().begin.line); }

/// Where a value that is a text stands without quotes, as 127.0.0.1:8443 does: what mends that.
std::string_view hint_at(std::string_view text, std::size_t line) {
  for (; line > 1 && !text.empty(); --line)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  text = text.substr(0, text.find('\n'));
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return "";
  std::string_view value = text.substr(equals + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  const bool is_bare = !value.empty() && std::string_view("\"'[{=#").find(value.front()) == std::string_view::npos;
  const bool has_words = value.find_first_of(":./_abcdefghijklmnopqrstuvwxyz") != std::string_view::npos;
  return is_bare && has_words ? "; a text stands in quotes: key = \"text\"" : "";
}

tl::unexpected<Error> wrong_type(const std::string& path, std::string_view wanted) {
  return fail(Kind::invalid, "config.type", "'" + path + "' must be " + std::string(wanted));
}

}  // namespace

Result<ConfigSection> ConfigSection::load(const std::filesystem::path& path) {
  auto text = read_file(path);
  if (!text)
    return unexpected(
        std::move(text).error().under("config.not_found", "cannot read the configuration '" + path.string() + "'"));
  return parse(*text, path.string());
}

Result<ConfigSection> ConfigSection::parse(std::string_view text, std::string origin) {
  try {
    auto document = std::make_shared<const toml::table>(toml::parse(text, origin));
    return ConfigSection(std::make_shared<Node>(Node{document, document.get(), ""}));
  } catch (const toml::parse_error& thrown) {
    const auto& where = thrown.source().begin;
    return fail(Kind::invalid, "config.syntax",
                origin + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) + ": " +
                    std::string(thrown.description()) + std::string(hint_at(text, where.line)));
  }
}

std::string ConfigSection::path_of(std::string_view key) const {
  return node_->prefix.empty() ? std::string(key) : node_->prefix + "." + std::string(key);
}

std::string ConfigSection::place_of(std::string_view key) const {
  const toml::node* node = node_->table->get(key);
  if (node != nullptr) return "'" + path_of(key) + "' (line " + line_of(*node) + ")";
  if (node_->prefix.empty() || node_->table->source().begin.line == 0) return "'" + path_of(key) + "' (missing)";
  return "'" + path_of(key) + "' (missing in the table of line " + line_of(*node_->table) + ")";
}

bool ConfigSection::has(std::string_view key) const {
  node_->looked_for.emplace(key);
  return node_->table->contains(key);
}

void ConfigSection::leave_to_others(std::string_view key) { node_->take(key); }

Result<std::string> ConfigSection::text(std::string_view key) {
  if (!has(key)) return fail(Kind::invalid, "config.missing", place_of(key) + " must be there: a text in quotes");
  return text_or(key, "");
}

Result<std::int64_t> ConfigSection::integer(std::string_view key) {
  if (!has(key)) return fail(Kind::invalid, "config.missing", place_of(key) + " must be there: a whole number");
  return integer_or(key, 0);
}

Result<std::string> ConfigSection::text_or(std::string_view key, std::string_view otherwise) {
  const toml::node* node = node_->take(key);
  if (node == nullptr) return std::string(otherwise);
  if (const auto* value = node->as_string()) return value->get();
  return wrong_type(path_of(key), "a text in quotes");
}

Result<std::int64_t> ConfigSection::integer_or(std::string_view key, std::int64_t otherwise) {
  const toml::node* node = node_->take(key);
  if (node == nullptr) return otherwise;
  if (const auto* value = node->as_integer()) return value->get();
  return wrong_type(path_of(key), "a whole number");
}

Result<bool> ConfigSection::flag_or(std::string_view key, bool otherwise) {
  const toml::node* node = node_->take(key);
  if (node == nullptr) return otherwise;
  if (const auto* value = node->as_boolean()) return value->get();
  return wrong_type(path_of(key), "true or false");
}

Result<Duration> ConfigSection::duration_or(std::string_view key, Duration otherwise) {
  const toml::node* node = node_->take(key);
  if (node == nullptr) return otherwise;
  const auto* value = node->as_string();
  if (value == nullptr) return wrong_type(path_of(key), "a duration in quotes, such as \"250ms\", \"10s\" or \"350d\"");
  auto duration = parse_duration(value->get());
  if (!duration)
    return unexpected(std::move(duration).error().under("config.duration", "'" + path_of(key) + "' is not a duration"));
  return *duration;
}

Result<std::vector<std::string>> ConfigSection::texts(std::string_view key) {
  const toml::node* node = node_->take(key);
  std::vector<std::string> values;
  if (node == nullptr) return values;
  const auto* array = node->as_array();
  if (array == nullptr) return wrong_type(path_of(key), "a list of texts");
  for (const toml::node& element : *array) {
    const auto* value = element.as_string();
    if (value == nullptr) return wrong_type(path_of(key), "a list of texts");
    values.push_back(value->get());
  }
  return values;
}

Result<ConfigSection> ConfigSection::section(std::string_view key) {
  const toml::node* node = node_->take(key);
  const auto empty = std::make_shared<const toml::table>();
  const toml::table* table = node == nullptr ? empty.get() : node->as_table();
  if (table == nullptr) return wrong_type(path_of(key), "a table, [" + path_of(key) + "]");
  auto child = std::make_shared<Node>(Node{node == nullptr ? empty : node_->document, table, path_of(key)});
  node_->children.push_back(child);
  return ConfigSection(std::move(child));
}

Result<std::vector<ConfigSection>> ConfigSection::sections(std::string_view key) {
  const toml::node* node = node_->take(key);
  std::vector<ConfigSection> found;
  if (node == nullptr) return found;
  const auto* array = node->as_array();
  if (array == nullptr || (!array->empty() && !array->is_homogeneous<toml::table>()))
    return wrong_type(path_of(key), "a list of tables, [[" + path_of(key) + "]]");
  for (const toml::node& element : *array) {
    const std::string prefix = path_of(key) + "[" + std::to_string(found.size() + 1) + "]";
    auto child = std::make_shared<Node>(Node{node_->document, element.as_table(), prefix});
    node_->children.push_back(child);
    found.push_back(ConfigSection(std::move(child)));
  }
  return found;
}

Result<void> ConfigSection::finish() const {
  for (const auto& [key, value] : *node_->table) {
    if (node_->taken.contains(key.str())) continue;
    const std::string* meant = node_->meant_by(key.str());
    return fail(Kind::invalid, "config.unknown_key",
                "'" + path_of(key.str()) + "' (line " + line_of(value) + ") is not a known key" +
                    (meant == nullptr ? "" : ": is '" + *meant + "' meant?"));
  }
  for (const auto& child : node_->children)
    BASE_TRY_VOID(ConfigSection(child).finish());
  return {};
}

Error ConfigSection::explain(Error error) const {
  for (const auto& [key, value] : *node_->table) {
    const std::string* meant = node_->taken.contains(key.str()) ? nullptr : node_->meant_by(key.str());
    if (meant == nullptr) continue;
    return Error{
        Kind::invalid, "config.unknown_key",
        "'" + path_of(key.str()) + "' (line " + line_of(value) + ") is not a known key: is '" + *meant + "' meant?"};
  }
  for (const auto& child : node_->children) {
    Error explained = ConfigSection(child).explain(error);
    if (explained.code == "config.unknown_key") return explained;
  }
  return error;
}

Result<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::int64_t micros;
  };
  static constexpr Unit kUnits[] = {
      {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}};
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits)
    if (error == std::errc() && suffix == unit.suffix && count >= 0 && count <= INT64_MAX / unit.micros)
      return Duration(count * unit.micros);
  return fail(Kind::invalid, "config.duration",
              "'" + std::string(text.substr(0, 40)) + "' is not a duration: write a whole number and ms, s, m, h or d");
}

}  // namespace countersign::base
