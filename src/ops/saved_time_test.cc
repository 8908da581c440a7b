#include "ops/saved_time.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace alona::ops {
namespace {

TEST(SavedTime, comes_back_and_nonsense_is_no_time) {
  char name[] = "/tmp/alona-time-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name);
  const SavedTime saved{folder / "time"};
  EXPECT_FALSE(saved.read());
  const UtcMs now = utc_ms(1'795'521'600'250);
  ASSERT_TRUE(saved.write(now));
  EXPECT_EQ(saved.read(), now);
  for (const char* text : {"", "soon", "1970-01-01T00:00:00.000Z", "2026-11-24T18:42:07.250Z and more"}) {
    ASSERT_TRUE(files::replace(folder / "time", text, 0640));
    EXPECT_FALSE(saved.read()) << text;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace alona::ops
