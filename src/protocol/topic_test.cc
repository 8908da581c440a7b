#include "protocol/topic.h"

#include <gtest/gtest.h>

#include <string>

namespace alona::protocol {
namespace {

TEST(Topic, each_kind_is_told_apart) {
  const auto expect = [](std::string_view text, std::string_view node, TopicKind kind,
                         std::string_view name) {
    const auto topic = parse_topic(text);
    ASSERT_TRUE(topic) << text;
    EXPECT_EQ(topic->node, node);
    EXPECT_EQ(topic->kind, kind) << text;
    EXPECT_EQ(topic->name, name);
  };
  expect("alona/roof/telemetry/temperature", "roof", TopicKind::telemetry, "temperature");
  expect("alona/roof/telemetry", "roof", TopicKind::telemetry_batch, "");
  expect("alona/0-a_b/event/door-2", "0-a_b", TopicKind::event, "door-2");
  expect("alona/roof/heartbeat", "roof", TopicKind::heartbeat, "");
  expect("alona/roof/status", "roof", TopicKind::status, "");
  expect("alona/roof/error", "roof", TopicKind::error, "");
}

TEST(Topic, a_bad_one_still_tells_its_node) {
  EXPECT_EQ(node_of("alona/roof/telemetry/Temp"), "roof");
  EXPECT_EQ(node_of("alona/roof"), "roof");
  for (const char* text :
       {"", "alona", "alona/", "alona/Roof/status", "alona/core/status", "home/roof/status"})
    EXPECT_EQ(node_of(text), "") << text;
}

TEST(Topic, every_other_shape_is_refused) {
  for (const char* text : {"",
                           "/",
                           "alona",
                           "alona/",
                           "alona/roof",
                           "alona/roof/",
                           "/alona/roof/status",
                           "Alona/roof/status",
                           "alona//status",
                           "alona/roof/status/",
                           "alona/roof/status/x",
                           "alona/roof/heartbeat/x",
                           "alona/roof/error/",
                           "alona/roof/event",
                           "alona/roof/event/",
                           "alona/roof/event/a/b",
                           "alona/roof/telemetry/",
                           "alona/roof/ack",
                           "alona/roof/telemetry/A",
                           "alona/roof/telemetry/-a",
                           "alona/roof/telemetry/a b",
                           "alona/+/status",
                           "alona/roof/#",
                           "alona/core/status",
                           "alona/core/time",
                           "alona/canary/status",
                           "alona/alona/status",
                           "alona/alona_x/status",
                           "alona/rööf/status"}) {
    EXPECT_FALSE(parse_topic(text)) << text;
  }
}

TEST(Topic, a_name_has_32_characters_at_most) {
  EXPECT_TRUE(valid_name(std::string(32, 'a')));
  EXPECT_FALSE(valid_name(std::string(33, 'a')));
  EXPECT_FALSE(valid_name(""));
}

TEST(Topic, reserved_names_are_no_nodes_but_fine_sensors) {
  EXPECT_FALSE(valid_node_id("core"));
  EXPECT_TRUE(valid_node_id("core2"));
  EXPECT_TRUE(parse_topic("alona/roof/telemetry/core"));
}

}  // namespace
}  // namespace alona::protocol
