// Files to import: what is taken, what is refused and why, and what becomes of it in the history.
#include <algorithm>

#include "ingest/import_text.h"
#include "ingest/test_box.h"

namespace alona::ingest {
namespace {

struct Parsed {
  std::vector<store::NamedReading> readings;
  std::vector<ImportRefusal> refused;
};

Parsed parse(std::string_view text, const ImportFormat& format = {}, std::size_t piece = 7) {
  Parsed parsed;
  ImportText parser{format,
                    {.reading = [&](store::NamedReading& r) { parsed.readings.push_back(r); },
                     .refused = [&](ImportRefusal r) { parsed.refused.push_back(std::move(r)); }}};
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!parser.feed(text.substr(at, piece))) break;
  }
  parser.finish();
  return parsed;
}

const std::string header = "time,node,sensor,value,unit,quality\r\n";
const std::string good = "2026-11-01T06:30:00.250Z,well,level,1.25,m,receipt+late\r\n";

// The one refusal of a text, as "LINE: what".
std::string refusal(std::string_view text, const ImportFormat& format = {}) {
  const Parsed parsed = parse(text, format);
  if (parsed.refused.size() != 1) return fmt::format("{} refused", parsed.refused.size());
  EXPECT_FALSE(parsed.refused[0].next.empty()) << parsed.refused[0].what;
  return fmt::format("{}: {}", parsed.refused[0].line, parsed.refused[0].what);
}

TEST(Import, reads_what_export_writes) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{1000}}) {
    const Parsed parsed = parse(fmt::format("\xEF\xBB\xBF{}{}\n{}", header, good,
                                            "2026-11-01T06:30:01Z,well,level,-0,\"%,\"\"x\",node"),
                                {}, piece);
    ASSERT_EQ(parsed.readings.size(), 2) << piece;
    EXPECT_TRUE(parsed.refused.empty());
    const auto& r = parsed.readings[0];
    EXPECT_EQ(iso8601(r.ts), "2026-11-01T06:30:00.250Z");
    EXPECT_EQ(r.node + r.sensor + r.unit, "welllevelm");
    EXPECT_EQ(r.flags, 0x21);
    EXPECT_EQ(parsed.readings[1].unit, "%,\"x");
    EXPECT_TRUE(std::signbit(parsed.readings[1].value));
  }
}

TEST(Import, reads_ndjson_to_the_last_bit) {
  const Parsed parsed = parse(
      R"({"time":"2026-11-01T06:30:00Z","node":"well","sensor":"level","value":0.30000000000000004,"unit":"\u00b0C"})"
      "\r\n\n"
      R"({"x":{"time":[1]},"time":"2026-11-01T06:30:00Z","node":"well","sensor":"level","value":1,"unit":"m"})");
  ASSERT_EQ(parsed.readings.size(), 2);
  EXPECT_EQ(parsed.readings[0].value, 0.1 + 0.2);
  EXPECT_EQ(parsed.readings[0].unit, "°C");
}

TEST(Import, maps_columns_and_fixed_values) {
  ImportFormat format;
  ASSERT_TRUE(add_map(format, "time=Datum,value=Wert, innen,node=:cellar,sensor=:temperature,unit=:C"));
  format.separator = ';';
  EXPECT_EQ(refusal("Datum;Wert, innen\n2026-11-01 06:30;5\n", format),
            "2: time \"2026-11-01 06:30\" doesn't say its zone");
  format.zone = parse_zone("+01:00");
  const Parsed parsed = parse(
      "Datum;\"Wert, innen\";\"Notiz\nlang\"\n2026-11-01 06:30;21.5;\"a\n\"\"b\"\n"
      "2026-11-01T06:30:00-0230;5;\xE9\n",
      format);
  ASSERT_EQ(parsed.readings.size(), 2) << parsed.refused.front().what;
  EXPECT_EQ(iso8601(parsed.readings[0].ts), "2026-11-01T05:30:00.000Z");
  EXPECT_EQ(iso8601(parsed.readings[1].ts), "2026-11-01T09:00:00.000Z");
  EXPECT_EQ(parsed.readings[0].node, "cellar");
  for (const auto* wrong : {"time", "time=", "zeit=x", "node=:", "time=a,time=b", "=x"}) {
    ImportFormat other;
    EXPECT_FALSE(add_map(other, wrong)) << wrong;
  }
  for (const auto* wrong : {"", "1", "+1", "+01:60", "+15:00", "+-1:0", "CET"})
    EXPECT_FALSE(parse_zone(wrong)) << wrong;
}

TEST(Import, refuses_a_file_that_is_none) {
  EXPECT_EQ(refusal(""), "1: the file is empty");
  EXPECT_EQ(refusal("\x1F\x8B more"), "1: it is packed with gzip");
  EXPECT_EQ(refusal(std::string("\xFF\xFEt\0i\0", 6)), "1: its text is UTF-16");
  EXPECT_EQ(refusal("Datum;Wert\n1;2\n"), "1: its columns aren't separated by commas");
  EXPECT_TRUE(
      refusal("a,b\n1,2\n").starts_with("1: there is no column \"time\"; the first line names \"a\", \"b\""));
  EXPECT_EQ(refusal("time,time\n"), "1: two columns are named \"time\"");
  EXPECT_EQ(refusal(header), "0 refused") << "a header alone is a file without readings";
}

TEST(Import, says_of_each_line_what_is_wrong) {
  const auto line = [](const std::string& text) { return refusal(header + good + text + "\n" + good); };
  EXPECT_EQ(line("2026-11-01T06:30:00,well,level,1,m,node"),
            "3: time \"2026-11-01T06:30:00\" doesn't say its zone");
  EXPECT_EQ(line("1.11.2026,well,level,1,m,node"), "3: time \"1.11.2026\" isn't one");
  EXPECT_EQ(line("2026-11-01T06:30:00ZZ,well,level,1,m,node"), "3: time \"2026-11-01T06:30:00ZZ\" isn't one");
  EXPECT_EQ(line("1969-12-31T23:59:59Z,well,level,1,m,node"),
            "3: time \"1969-12-31T23:59:59Z\" is outside 1970 to 2200");
  EXPECT_EQ(line("2201-01-01T00:00:00Z,well,level,1,m,node"),
            "3: time \"2201-01-01T00:00:00Z\" is outside 1970 to 2200");
  const std::string at = "2026-11-01T06:30:00Z,";
  EXPECT_EQ(line(at + "Well,level,1,m,node"), "3: node \"Well\" can't be a node's id");
  EXPECT_EQ(line(at + "core,level,1,m,node"), "3: node \"core\" can't be a node's id");
  EXPECT_EQ(line(at + "well,the level,1,m,node"), "3: sensor \"the level\" can't be a sensor's name");
  EXPECT_EQ(line(at + "well,level,nan,m,node"), "3: value \"nan\" is no reading");
  EXPECT_EQ(line(at + "well,level,-inf,m,node"), "3: value \"-inf\" is no reading");
  EXPECT_EQ(line(at + "well,level,1e16,m,node"), "3: value \"1e16\" is too large or too small");
  EXPECT_EQ(line(at + "well,level,1e999,m,node"), "3: value \"1e999\" is too large or too small");
  EXPECT_EQ(line(at + "well,level,\"21,5\",m,node"), "3: value \"21,5\" has a comma");
  EXPECT_EQ(line(at + "well,level,21,5,m,node"), "3: 7 fields, and the first line names 6");
  EXPECT_EQ(line(at + "well,level,,m,node"), "3: value is empty");
  EXPECT_EQ(line(at + "well,level,0x10,m,node"), "3: value \"0x10\" isn't a number");
  EXPECT_EQ(line(at + "well,level,1,,node"), "3: unit is empty");
  EXPECT_EQ(line(at + "well,level,1,12345678901234567,node"), "3: unit \"12345678901234567\" can't be one");
  EXPECT_EQ(line(at + "well,level,1,\"m\n\",node"), "3: unit \"m?\" can't be one");
  EXPECT_EQ(line(at + "well,level,1,\xB0"
                      "C,node"),
            "3: unit isn't UTF-8");
  EXPECT_EQ(line(at + "well,level,1,m,good"), "3: quality \"good\" isn't known");
  EXPECT_EQ(line(at + "well,level,1,m,node+odd"), "3: quality \"node+odd\" isn't known");
  EXPECT_EQ(line(at + "well,level,1,\"m\"m,node"),
            "3: something stands behind a closing quote; a quote inside a field is written twice");
  EXPECT_EQ(line(std::string("a\0b", 3)), "3: a NUL byte: this is no text");
  EXPECT_EQ(line(std::string(20'000, 'x')), "3: longer than 16 KiB: this is no line of readings");
  EXPECT_EQ(line(std::string(300, ',')), "3: more than 256 fields");
  EXPECT_EQ(refusal(header + good + "\"" + std::string(40'000, 'x') + "\n" + good),
            "3: a quote that isn't closed within 16 KiB; a quote inside a field is written twice");
  EXPECT_EQ(refusal(header + "\"abc"), "2: a quote that isn't closed before the end of the file");
  const auto json = [](const std::string& text) { return refusal("{\"a\":1\n" + text).substr(0, 60); };
  EXPECT_EQ(refusal("{\"a\":1}\n"), "1: there is no \"time\"");
  EXPECT_EQ(json(""), "1: not JSON at byte 7");
  EXPECT_EQ(refusal(R"({"time":1,"node":"a","sensor":"b","value":1,"unit":"C"})"), "1: time isn't a text");
  EXPECT_EQ(refusal(R"({"time":"2026-11-01T06:30:00Z","node":"a","sensor":"b","value":"1","unit":"C"})"),
            "1: value isn't a number");
  EXPECT_EQ(refusal(R"({"time":"x","time":"y","node":"a","sensor":"b","value":1,"unit":"C"})"),
            "1: \"time\" comes twice");
}

// ---- into the history ----

std::vector<ImportCount> run(TestBox& box, std::vector<store::NamedReading> readings, bool dry = false) {
  std::vector<ImportCount> counts;
  EXPECT_TRUE(box.ingest->import({.readings = std::move(readings), .dry = dry, .done = [&](const auto& done) {
                                    EXPECT_TRUE(done) << done.error().text();
                                    if (done) counts = *done;
                                  }}));
  while (box.ingest->importing()) EXPECT_TRUE(box.ingest->import_some());
  return counts;
}

store::NamedReading level(int at, double value, std::string node = "well") {
  return {noon + Ms{at}, std::move(node), "level", "m", value, 0x41};
}

TEST(Import, stores_once_corrects_and_counts) {
  TestBox box;
  std::vector<store::NamedReading> many;
  many.reserve(3001);
  for (int i = 0; i < 3000; ++i) many.push_back(level(3000 - i, i));
  many.push_back(many.front());
  // Only a look can't know of a repeat what an earlier slice would have stored.
  const auto dry = run(box, many, true);
  EXPECT_EQ(dry.front().fresh, 3001);
  EXPECT_TRUE(box.exported().empty());
  EXPECT_TRUE(box.ingest->nodes().empty());
  const auto first = run(box, many);
  ASSERT_EQ(first.size(), 1);
  EXPECT_EQ(first[0].fresh, 3000);
  EXPECT_EQ(first[0].known, 1);
  EXPECT_TRUE(first[0].node_made);
  const auto exported = box.exported();
  ASSERT_EQ(exported.size(), 3000);
  EXPECT_EQ(exported[0].flags, 0x41);
  const auto again = run(box, many);
  EXPECT_EQ(again[0].fresh + again[0].corrected, 0);
  EXPECT_EQ(again[0].known, 3001);
  EXPECT_FALSE(again[0].node_made);
  const auto corrected = run(box, {level(5, -1), level(5, -2), level(5, -2)});
  EXPECT_EQ(corrected[0].corrected, 2);
  EXPECT_EQ(corrected[0].known, 1);
  box.restart();
  EXPECT_EQ(box.exported()[4].value, -2);
  EXPECT_EQ(box.exported().size(), 3000);
  EXPECT_EQ(box.counted().stored, 0) << "an import is no message";
}

TEST(Import, stands_beside_messages) {
  TestBox box;
  run(box, {level(0, 1, "roof")});
  box.temperature(1, 20);
  box.commit();
  run(box, {level(1, 2, "roof"), level(1, 2, "cellar")});
  box.restart();
  box.temperature(2, 21);
  box.commit();
  EXPECT_EQ(box.exported().size(), 5);
  EXPECT_EQ(box.counted().stored, 2);
}

TEST(Import, holds_the_limits_as_a_whole) {
  TestBox box;
  std::vector<store::NamedReading> many;
  for (std::size_t i = 0; i <= limits::nodes_max_default; ++i)
    many.push_back(level(0, 1, fmt::format("n{}", i)));
  std::string why;
  ASSERT_TRUE(box.ingest->import(
      {.readings = many, .done = [&](const auto& done) { why = done ? "stored" : done.error().what; }}));
  const auto news = box.ingest->import_some();
  ASSERT_TRUE(news);
  EXPECT_TRUE((*news)->empty());
  EXPECT_EQ(why, "with this file there would be 65 nodes, 64 are allowed");
  EXPECT_TRUE(box.ingest->nodes().empty());
}

}  // namespace
}  // namespace alona::ingest
