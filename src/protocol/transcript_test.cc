#include "protocol/transcript.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace alona::protocol {
namespace {

const std::string golden_folder = ALONA_SOURCE_DIR "/tests/golden/protocol";

std::string stamp_text(const Stamp& stamp) {
  std::string text;
  if (stamp.ts) text += " ts " + iso8601(*stamp.ts);
  if (stamp.sequence) {
    text +=
        fmt::format(" boot {} seq {} low {}", stamp.sequence->boot, stamp.sequence->seq, stamp.sequence->low);
  }
  return text;
}

std::string reading_text(const Reading& reading, bool with_time) {
  std::string text = fmt::format("{} {}", reading.sensor, reading.value);
  text += reading.unit.empty() ? " without a unit" : fmt::format(" in {}", reading.unit);
  if (with_time && reading.ts) text += " ts " + iso8601(*reading.ts);
  if (reading.age) text += fmt::format(" age {} ms", reading.age->count());
  return text;
}

std::string refusal_text(const Refusal& why) {
  std::string text = fmt::format("refused {} | {}", name(why.reason), why.detail);
  if (why.sequence) text += " | settled:" + stamp_text({.ts = {}, .sequence = why.sequence});
  return text;
}

struct BodyText {
  const Stamp& stamp;

  std::string operator()(const Telemetry& body) const {
    if (!body.batch) {
      return fmt::format("{} {}{}\n", body.bare ? "bare reading" : "reading",
                         reading_text(body.readings.at(0), false), stamp_text(stamp));
    }
    std::string text = fmt::format("batch{}\n", stamp_text(stamp));
    for (const Reading& reading : body.readings) text += "  " + reading_text(reading, true) + "\n";
    for (const auto& refused : body.refused)
      text += "  " + refusal_text(refused.why) + " | " + refused.text + "\n";
    return text;
  }
  std::string operator()(const Event& body) const {
    return fmt::format("event {} {}{}\n", body.type, body.data, stamp_text(stamp));
  }
  std::string operator()(const Heartbeat& body) const {
    std::string text = fmt::format("heartbeat uptime {} s rssi {} dBm", body.uptime_s, body.rssi_dbm);
    if (!body.firmware.empty()) text += " firmware " + body.firmware;
    if (body.heap_bytes) text += fmt::format(" heap {} bytes", *body.heap_bytes);
    if (body.lost) text += fmt::format(" lost {}", *body.lost);
    if (body.battery_v) text += fmt::format(" battery {} V", *body.battery_v);
    if (!body.reset.empty()) text += " reset " + body.reset;
    return text + stamp_text(stamp) + "\n";
  }
  std::string operator()(const Status& body) const {
    std::string text = body.online ? "status online" : "status offline";
    if (!body.firmware.empty()) text += " firmware " + body.firmware;
    if (body.sleep_s) text += fmt::format(" sleep {} s", *body.sleep_s);
    if (body.boot) text += fmt::format(" boot {}", *body.boot);
    return text + stamp_text(stamp) + "\n";
  }
  std::string operator()(const NodeError& body) const {
    return fmt::format("error {} | {}{}\n", body.code, body.message, stamp_text(stamp));
  }
};

// \xNN becomes that byte, for payloads that no text file may hold.
std::string unescaped(const std::string& written) {
  std::string result;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written.compare(i, 2, "\\x") == 0) {
      result += static_cast<char>(std::stoi(written.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else {
      result += written[i];
    }
  }
  return result;
}

bool take_prefix(std::string& line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return false;
  line.erase(0, prefix.size());
  return true;
}

void take_line(Example& example, std::string line) {
  if (line.starts_with('#')) {
    example.comment += line + "\n";
  } else if (take_prefix(line, "topic   ")) {
    example.topic = line;
  } else if (take_prefix(line, "payload ")) {
    example.written = line;
    example.payload = unescaped(line);
  } else if (take_prefix(line, "filled  ")) {  // to so many bytes, with spaces
    example.fill = std::stoul(line);
    example.payload.resize(example.fill, ' ');
  } else if (take_prefix(line, "->      ")) {
    example.expected += line + "\n";
  } else {
    FAIL() << example.where << ": not a line of a transcript: " << line;
  }
}

void write_files_anew() {
  for (const std::string& file : golden_files()) {
    std::string text;
    for (const Example& example : golden_examples(file)) {
      if (!text.empty()) text += '\n';
      text += block_text(example, outcome(example.topic, example.payload));
    }
    std::ofstream(file) << text;
  }
}

}  // namespace

std::vector<std::string> golden_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::vector<Example> golden_examples(const std::string& file) {
  std::vector<Example> all;
  for (const std::string& path : file.empty() ? golden_files() : std::vector{file}) {
    std::ifstream in(path);
    Example example;
    int number = 0;
    for (std::string line; std::getline(in, line) || !example.where.empty();) {
      ++number;
      if (!in || line.empty()) {
        if (!example.where.empty()) all.push_back(std::exchange(example, {}));
        continue;
      }
      if (example.where.empty()) {
        example.where = fmt::format("{}:{}", std::filesystem::path(path).filename().string(), number);
      }
      take_line(example, line);
    }
  }
  return all;
}

std::string outcome(const std::string& topic, const std::string& payload) {
  const auto parsed = parse_topic(topic);
  if (!parsed) return "refused topic\n";
  const auto message = decode(*parsed, payload);
  if (!message) return refusal_text(message.error()) + "\n";
  return std::visit(BodyText{message->stamp}, message->body);
}

std::string block_text(const Example& example, const std::string& result) {
  std::string text = example.comment;
  text += "topic   " + example.topic + "\n";
  text += "payload " + example.written + "\n";
  if (example.fill != 0) text += fmt::format("filled  {}\n", example.fill);
  for (std::size_t at = 0; at < result.size();) {
    const std::size_t end = result.find('\n', at);
    text += "->      " + result.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text;
}

TEST(Transcripts, the_decoder_does_what_they_say) {
  const char* anew = std::getenv("ALONA_GOLDEN_WRITE");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (anew != nullptr) write_files_anew();               // then read the diff
  for (const Example& example : golden_examples()) {
    const std::string result = outcome(example.topic, example.payload);
    EXPECT_EQ(example.expected, result)
        << example.where << " should read\n"
        << block_text(example, result) << "if that is what is meant (ALONA_GOLDEN_WRITE=1 writes it there)";
  }
}

TEST(Transcripts, every_kind_and_every_reason_of_the_decoder_is_shown) {
  std::set<std::string> seen;
  for (const Example& example : golden_examples()) {
    const std::string& text = example.expected;
    seen.insert(text.substr(0, text.find_first_of(" \n", text.starts_with("refused ") ? 8 : 0)));
  }
  for (const char* kind : {"reading", "bare", "batch", "event", "heartbeat", "status", "error",
                           "refused topic", "refused too_large", "refused encoding", "refused json",
                           "refused version", "refused field", "refused range", "refused mismatch"}) {
    EXPECT_TRUE(seen.contains(kind)) << kind << " is nowhere in tests/golden/protocol";
  }
}

TEST(Transcripts, a_payload_cut_anywhere_is_decoded_or_refused) {
  std::size_t cuts = 0;
  for (const Example& example : golden_examples()) {
    const auto topic = parse_topic(example.topic);
    if (!topic || example.payload.size() > 4096) continue;
    for (std::size_t end = 0; end < example.payload.size(); ++end, ++cuts) {
      const std::string cut =
          example.payload.substr(0, end);  // its own memory: a sanitizer sees a byte too far
      const auto result = decode(*topic, cut);
      if (result) continue;
      EXPECT_FALSE(result.error().detail.empty()) << example.where << " cut to " << end << " bytes";
      EXPECT_TRUE(valid_utf8(result.error().detail)) << example.where << " cut to " << end << " bytes";
    }
  }
  EXPECT_GT(cuts, 1000u);
}

}  // namespace alona::protocol
