#include "ingest/tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace alona::ingest {
namespace {

bool equal(const store::TailEntry& a, const store::TailEntry& b) {
  return a.hash == b.hash && a.packet_id == b.packet_id;
}

// The same as a plain queue that is searched from end to end; with few hashes and ids, so that equal entries
// and full buckets are common.
TEST(Tail, knows_the_last_21000_and_nothing_older) {
  std::mt19937_64 random{7};  // repeatable
  std::deque<store::TailEntry> model;
  Tail tail;
  const auto draw = [&] {
    return store::TailEntry{static_cast<std::uint16_t>(1 + random() % 50), 16'384 * (random() % 400)};
  };
  for (int i = 0; i < 70'000; ++i) {
    const store::TailEntry entry = draw();
    tail.add(entry);
    model.push_back(entry);
    if (model.size() > limits::tail_messages) model.pop_front();
    if (i % 1'000 != 0) continue;
    const store::TailEntry asked = draw();
    const auto same = [&](const store::TailEntry& e) { return equal(e, asked); };
    EXPECT_EQ(tail.contains(asked), std::ranges::any_of(model, same)) << i;
  }
}

TEST(Tail, forgets_exactly_the_oldest) {
  Tail tail;
  const auto nth = [](std::uint64_t n) { return store::TailEntry{static_cast<std::uint16_t>(n % 7), n}; };
  for (std::uint64_t n = 0; n < 3 * limits::tail_messages; ++n) {
    tail.add(nth(n));
    if (n < limits::tail_messages) continue;
    ASSERT_FALSE(tail.contains(nth(n - limits::tail_messages))) << n;
    ASSERT_TRUE(tail.contains(nth(n - limits::tail_messages + 1))) << n;
    ASSERT_TRUE(tail.contains(nth(n))) << n;
  }
  EXPECT_TRUE(tail.contains_hash(3 * limits::tail_messages - 1));
  EXPECT_FALSE(tail.contains_hash(7));
  tail.clear();
  EXPECT_FALSE(tail.contains(nth(3 * limits::tail_messages - 1)));
  tail.load({nth(1), nth(2)});
  EXPECT_TRUE(tail.contains(nth(2)));
}

}  // namespace
}  // namespace alona::ingest
