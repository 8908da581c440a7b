#include "protocol/numbering.h"

#include <gtest/gtest.h>

namespace alona::protocol {
namespace {

TEST(Numbering, is_found_in_what_is_not_json) {
  const auto found = numbering_of_unreadable(R"({"v":1,"value":nan,"boot":7, "seq" : 118 ,"low":112})");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->boot, 7u);
  EXPECT_EQ(found->seq, 118u);
  EXPECT_EQ(found->low, 112u);
}

TEST(Numbering, is_left_out_wherever_it_could_be_anothers) {
  for (const char* payload : {
           R"({"boot":7,"seq":3,"data":{"seq":4},"low":1,)",  // which one?
           R"({"boot":7,"low":1,"seq":11)",                   // cut: may have been 118
           R"({"boot":7,"seq":3)",                            // low is missing
           R"({"boot":7,"seq":3.5,"low":1,)",                 // not whole
           R"({"boot":7,"seq":-3,"low":1,)",                  //
           R"({"boot":7,"seq":3,"low":4,)",                   // low beyond seq
           R"({"boot":7,"seq":0,"low":0,)",                   //
           R"({"boot":4294967296,"seq":3,"low":1,)",          // more than 32 bits
           R"({"boot":"7","seq":3,"low":1,)",                 //
           R"({"boot" 7,"seq":3,"low":1,)",                   //
           "",
       }) {
    EXPECT_FALSE(numbering_of_unreadable(payload)) << payload;
  }
}

}  // namespace
}  // namespace alona::protocol
