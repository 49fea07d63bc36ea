// Log records: always one line of JSON, whatever a peer sent.
#include "base/log.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "testing/code_of.h"
#include "testing/folder.h"

namespace countersign::base {
namespace {

using testing::code_of;
using testing::Folder;

class FixedClock final : public Clock {
 public:
  Instant now() const override { return *parse_rfc3339("2026-11-23T14:45:00.250Z"); }
};

class LinesKept final : public LogSink {
 public:
  void write(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

TEST(Log, ARecordIsOneJsonObject) {
  const FixedClock clock;
  LinesKept kept;
  const Log log({.program = "gateway"}, clock, kept);
  log.info("tls.refused", {{"reason", "expired"}, {"depth", 0}, {"ok", false}, {"seconds", 0.5}});
  log.event(Level::debug, "not.shown", {});
  ASSERT_EQ(kept.lines.size(), 1U);
  EXPECT_EQ(kept.lines[0],
            R"({"time":"2026-11-23T14:45:00.250Z","level":"info","program":"gateway","event":"tls.refused",)"
            R"("reason":"expired","depth":0,"ok":false,"seconds":0.5})");
}

TEST(Log, APeersBytesCannotForgeALine) {
  const FixedClock clock;
  LinesKept kept;
  const Log log({.program = "gateway"}, clock, kept);
  const struct {
    const char* name;
    std::string value;
    std::string read_back;
  } rows[] = {
      {"a whole record", "x\"}\n{\"event\":\"forged\"}", "x\"}\n{\"event\":\"forged\"}"},
      {"carriage return", "a\r\nb", "a\r\nb"},
      {"quote and backslash", "\"\\", "\"\\"},
      {"backslash at the end", "a\\", "a\\"},
      {"zero byte", std::string("a\0b", 3), std::string("a\0b", 3)},
      {"escape sequence of a terminal", "\x1b[2J", "\x1b[2J"},
      {"delete", "\x7f", "\x7f"},
      {"not UTF-8", "a\xff\xfe", "a\xef\xbf\xbd\xef\xbf\xbd"},
      {"cut off UTF-8", "a\xc3", "a\xef\xbf\xbd"},
      {"overlong quote", "\xc0\xa2", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"beyond Unicode", "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"good UTF-8", "Z\xc3\xbcrich \xf0\x9f\x94\x91", "Z\xc3\xbcrich \xf0\x9f\x94\x91"},
      {"line separator of C1",
       "a\xc2\x85"
       "b",
       "a\xc2\x85"
       "b"},
  };
  for (const auto& row : rows) {
    kept.lines.clear();
    log.info("e", {{"peer", row.value}});
    ASSERT_EQ(kept.lines.size(), 1U) << row.name;
    for (const char c : kept.lines[0]) {
      const auto byte = static_cast<unsigned char>(c);
      EXPECT_TRUE(byte >= 0x20 && byte != 0x7f) << row.name << ": a control character reached the log";
    }
    const auto read = parse_json(kept.lines[0]);
    ASSERT_TRUE(read) << row.name << ": " << kept.lines[0];
    EXPECT_EQ(JsonReader::of(*read)->text("peer"), row.read_back) << row.name;
  }
}

TEST(Log, NumbersAreJsonAlways) {
  const FixedClock clock;
  LinesKept kept;
  const Log log({.program = "p"}, clock, kept);
  for (const double number : {0.0, -1.5, 1e300, std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    log.info("e", {{"n", number}});
  log.info("e", {{"n", std::numeric_limits<std::int64_t>::min()}});
  for (const std::string& line : kept.lines)
    EXPECT_TRUE(parse_json(line)) << line;
}

TEST(Log, FileSinkAppends) {
  const Folder folder;
  const std::string path = (folder / "a.log").string();
  for (const char* line : {"one", "two"}) {
    const auto sink = file_sink(path);
    ASSERT_TRUE(sink);
    (*sink)->write(line);
  }
  EXPECT_EQ(read_file(path), "one\ntwo\n");
  EXPECT_EQ(code_of(file_sink((folder / "a.log/b.log").string())), "log.unwritable");
}

}  // namespace
}  // namespace countersign::base
