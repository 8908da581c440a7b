#include "ops/pace.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <thread>

namespace alona::ops {
namespace {

using namespace std::chrono_literals;

TEST(Pace, leavesTheMachineToOthersOnlyWhenTheyWantIt) {
  EXPECT_EQ(pause_after(5ms, 0ms), 0ms);
  EXPECT_EQ(pause_after(50ms, 4ms), 0ms);
  EXPECT_EQ(pause_after(5ms, 1ms), 20ms);
  EXPECT_EQ(pause_after(10ms, 9ms), 40ms);
}

// A suspended machine, a long wait for the disk: the next pause doesn't grow with it.
TEST(Pace, pausesAreBounded) {
  EXPECT_EQ(pause_after(1h, 30min), 100ms);
  // Time that ran backwards or stood.
  EXPECT_EQ(pause_after(0ns, 0ns), 0ns);
  EXPECT_EQ(pause_after(5ms, -1ms), 0ns);
}

std::chrono::nanoseconds slept_beside_another() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  std::jthread busy{[&](const std::stop_token& stop) {
    ::sched_setaffinity(0, sizeof one, &one);
    while (!stop.stop_requested()) {
    }
  }};
  std::chrono::nanoseconds slept{};
  std::jthread working{[&] {
    ::sched_setaffinity(0, sizeof one, &one);
    Pace pace;
    const auto end = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < end) {
      const auto piece_ends = std::chrono::steady_clock::now() + 5ms;
      while (std::chrono::steady_clock::now() < piece_ends) {
      }
      const auto before = std::chrono::steady_clock::now();
      pace.step();
      if (const auto took = std::chrono::steady_clock::now() - before; took > 15ms) slept += took;
    }
  }};
  working.join();
  return slept;
}

// The kernel's own account: two threads that want one processor.
TEST(Pace, seesThatAnotherWantsTheProcessor) {
  if (!std::filesystem::exists("/proc/thread-self/schedstat"))
    GTEST_SKIP() << "this kernel doesn't count waiting";
  EXPECT_GT(slept_beside_another(), 50ms);
}

}  // namespace
}  // namespace alona::ops
