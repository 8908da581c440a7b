#include "backup/gate.h"

#include <gtest/gtest.h>

namespace alona::backup {
namespace {

using namespace std::chrono_literals;
using State = Gate::State;
constexpr CoreAnswer nobody{}, well{.well = true, .working = {}};
CoreAnswer works(std::int64_t process) { return {.well = false, .working = process}; }

Mono at(Ms time) { return Mono{} + time; }

TEST(Gate, a_core_has_a_minute_to_turn_well) {
  Gate gate{at(0s)};
  EXPECT_EQ(gate.look(at(0s), nobody), State::wait);
  EXPECT_EQ(gate.look(at(60s), nobody), State::wait);
  EXPECT_EQ(gate.look(at(61s), nobody), State::missed);
  EXPECT_EQ(gate.look(at(62s), well), State::passed);
}

TEST(Gate, who_works_on_its_database_has_the_time_for_it_and_a_minute_more) {
  Gate gate{at(0s)};
  for (Ms now = 0s; now < 20min; now += 10s) ASSERT_EQ(gate.look(at(now), works(7)), State::wait);
  EXPECT_EQ(gate.look(at(20min + 50s), nobody), State::wait);
  EXPECT_EQ(gate.look(at(20min + 51s), nobody), State::missed);
}

// Killed in its work, or fallen over, and started again, and again.
TEST(Gate, who_begins_its_work_anew_gets_no_more_time) {
  Gate gate{at(0s)};
  EXPECT_EQ(gate.look(at(10s), works(7)), State::wait);
  for (Ms now = 20s; now <= 70s; now += 10s) ASSERT_EQ(gate.look(at(now), works(8)), State::wait);
  EXPECT_EQ(gate.look(at(71s), works(8)), State::missed);
}

TEST(Gate, work_without_end_has_one_here) {
  Gate gate{at(0s)};
  Ms now = 0s;
  while (gate.look(at(now), works(7)) == State::wait) now += 10s;
  EXPECT_GT(now, 2h);
  EXPECT_LT(now, 2h + 2min);
}

}  // namespace
}  // namespace alona::backup
