// What docs/protocol.md tells node builders to send must be understood.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "protocol/transcript.h"

namespace alona::protocol {
namespace {

struct Sample {
  int line = 0;
  std::string before;  // the line that says where it goes
  std::string json;
};

std::vector<Sample> samples() {
  std::vector<Sample> all;
  std::ifstream in(ALONA_SOURCE_DIR "/docs/protocol.md");
  int number = 0;
  bool inside = false;
  std::string previous;
  for (std::string line; std::getline(in, line); previous = line) {
    ++number;
    if (line == "```json") {
      inside = true;
      all.push_back({.line = number, .before = previous, .json = {}});
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      all.back().json += line + "\n";
    }
  }
  return all;
}

TEST(ProtocolPage, every_example_is_understood) {
  std::set<std::string> kinds;
  for (const Sample& sample : samples()) {
    const auto quoted = sample.before.find('`');
    const std::string topic = sample.before.substr(quoted + 1, sample.before.rfind('`') - quoted - 1);
    if (sample.before.starts_with("from the core: ")) continue;
    EXPECT_TRUE(sample.before.starts_with("topic: ")) << "line " << sample.line << " has no topic before it";
    const std::string text = outcome(topic, sample.json);
    EXPECT_EQ(text.find("refused"), std::string::npos) << "line " << sample.line << ": " << text;
    kinds.insert(text.substr(0, text.find_first_of(" \n")));
  }
  EXPECT_EQ(kinds,
            (std::set<std::string>{"bare", "batch", "error", "event", "heartbeat", "reading", "status"}));
}

TEST(ProtocolPage, every_reason_is_explained) {
  std::ifstream in(ALONA_SOURCE_DIR "/docs/protocol.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  for (const std::string_view reason : reason_names) {
    EXPECT_NE(page.find(fmt::format("| `{}` |", reason)), std::string::npos) << reason;
  }
}

}  // namespace
}  // namespace alona::protocol
