// The reading by which the box proves its own road.
#include <gtest/gtest.h>

#include <map>

#include "ingest/test_box.h"

namespace alona::ingest {
namespace {

class Box : public TestBox {
 public:
  void canary(std::string_view value, bool retained = false) {
    payload(fmt::format(R"({{"v":1,"readings":[{{"sensor":"canary","value":{},"unit":"1"}}]}})", value),
            retained);
  }
  void payload(std::string_view text, bool retained = false) { send(canary_topic, text, 1, retained); }
  [[nodiscard]] std::int64_t stored() const { return *store::Reader::open(db())->canary(); }
};

TEST(Canary, is_stored_with_the_commit_and_replaced_by_the_next) {
  Box box;
  EXPECT_EQ(box.stored(), 0);
  box.canary("281474976710656");
  EXPECT_EQ(box.stored(), 0) << "not before its commit";
  const Committed committed = box.commit();
  EXPECT_EQ(committed.changes->canary, 281'474'976'710'656);
  EXPECT_TRUE(committed.acks.empty());
  EXPECT_EQ(box.stored(), 281'474'976'710'656);
  box.restart();
  box.temperature(1, 21.5);
  box.canary("7");
  (void)box.commit();
  EXPECT_EQ(box.stored(), 7);
  EXPECT_EQ(box.exported().size(), 1u) << "beside it";
}

TEST(Canary, is_no_node_and_counts_for_nothing) {
  Box box;
  box.canary("5");
  (void)box.commit();
  EXPECT_TRUE(box.ingest->nodes().empty());
  EXPECT_TRUE(box.ingest->everything()->nodes.empty());
  EXPECT_TRUE(box.exported().empty());
  EXPECT_EQ(box.ingest->readings_stored(), 0u);
  EXPECT_TRUE(box.rejects().empty());
}

TEST(Canary, a_repeat_changes_nothing) {
  Box box;
  box.canary("5");
  (void)box.commit();
  box.canary("5");
  EXPECT_TRUE(box.commit().changes->empty());
  box.restart();
  box.canary("5");
  EXPECT_TRUE(box.commit().changes->empty()) << "also after a start";
}

TEST(Canary, what_breaks_a_rule_is_refused_as_anybodys) {
  Box box;
  box.canary("5");
  (void)box.commit();
  struct Case {
    std::string_view payload, reason;
  };
  const std::vector<Case> cases{
      {"", "json"},
      {"5", "field"},
      {"{", "json"},
      {"\xff", "encoding"},
      {R"({"v":2,"readings":[]})", "version"},
      {R"({"v":1,"readings":[{"sensor":"t","value":6,"unit":"1"}]})", "field"},
      {R"({"v":1,"readings":[{"sensor":"canary","value":6,"unit":"1"},{"sensor":"canary","value":7,"unit":"1"}]})",
       "field"},
      {R"({"v":1,"readings":[{"sensor":"canary","value":0,"unit":"1"}]})", "range"},
      {R"({"v":1,"readings":[{"sensor":"canary","value":-6,"unit":"1"}]})", "range"},
      {R"({"v":1,"readings":[{"sensor":"canary","value":6.5,"unit":"1"}]})", "range"},
      {R"({"v":1,"readings":[{"sensor":"canary","value":1e300,"unit":"1"}]})", "range"}};
  for (const Case& c : cases) {
    const auto before = box.rejects().size();
    box.payload(c.payload);
    (void)box.commit();
    ASSERT_GE(box.rejects().size(), before);
    EXPECT_EQ(box.rejects().front().row.topic, canary_topic);
    EXPECT_TRUE(std::ranges::any_of(box.rejects(), [&](const auto& item) {
      return item.row.reason == c.reason;
    })) << c.payload;
    EXPECT_EQ(box.stored(), 5) << c.payload;
  }
  box.canary("6", true);
  (void)box.commit();
  EXPECT_EQ(box.stored(), 5);
  EXPECT_EQ(box.rejects().front().row.reason, "retained");
  std::uint64_t refused = 0;
  for (const auto& item : box.rejects()) refused += item.count;
  EXPECT_EQ(refused, cases.size() + 1);
}

TEST(Canary, says_nothing_on_other_topics) {
  Box box;
  for (const std::string_view topic : {"alona/canary/telemetry/canary", "alona/canary/status",
                                       "alona/canary/heartbeat", "alona/canary/event/a"})
    box.send(topic, R"({"v":1,"sensor":"canary","value":6,"unit":"1"})");
  (void)box.commit();
  EXPECT_EQ(box.stored(), 0);
  ASSERT_EQ(box.rejects().size(), 4u);
  for (const auto& item : box.rejects()) EXPECT_EQ(item.row.reason, "topic");
  EXPECT_TRUE(box.ingest->nodes().empty());
}

// In a house that measures nothing: years of rounds leave the file as it was.
TEST(Canary, many_of_them_make_the_database_no_larger) {
  Box box;
  box.temperature(1, 21.5);
  box.canary("281474976710655");
  (void)box.commit();
  ASSERT_TRUE(box.ingest->fold());
  box.restart();  // closed, so that all of it lies in the file
  const auto bytes = std::filesystem::file_size(box.db());
  for (std::int64_t i = 1; i < 3000; ++i) {
    box.canary(std::to_string(281'474'976'700'000 + i));
    ASSERT_FALSE(box.commit().changes->empty());
  }
  EXPECT_EQ(box.stored(), 281'474'976'702'999);
  ASSERT_TRUE(box.ingest->fold());
  box.restart();
  EXPECT_EQ(std::filesystem::file_size(box.db()), bytes);
  box.temperature(2, 21.6);
  (void)box.commit();
  EXPECT_EQ(box.exported().size(), 2u);
}

}  // namespace
}  // namespace alona::ingest
