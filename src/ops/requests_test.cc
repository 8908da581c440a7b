// What root takes up, and what it refuses: links, strangers' files, long ones, times that are none or old.
#include "ops/requests.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace alona::ops {
namespace {

namespace fs = std::filesystem;

class Requests : public testing::Test {
 protected:
  Requests() {
    config_.core.runtime_dir = ::mkdtemp(name_);
    fs::create_directory(paths().requests());
  }
  ~Requests() override { fs::remove_all(config_.core.runtime_dir); }
  [[nodiscard]] Paths paths() const { return Paths{config_}; }
  [[nodiscard]] static UtcMs now() { return SystemClock{}.utc(); }
  [[nodiscard]] fs::path file(Request request) const { return paths().requests() / word(request); }

 private:
  char name_[32] = "/tmp/alona-requests-XXXXXX";
  Config config_;
};

TEST_F(Requests, are_taken_once) {
  ASSERT_TRUE(put_request(paths(), Request::restart));
  EXPECT_TRUE(take_request(paths(), Request::restart, now()));
  const auto again = take_request(paths(), Request::restart, now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::not_found);
}

// Its unit was off, or the settings couldn't be read: what was wanted then would come as a surprise now.
TEST_F(Requests, of_more_than_a_minute_ago_are_removed_and_refused) {
  for (const Ms off : {Ms{90'000}, Ms{-90'000}}) {
    ASSERT_TRUE(put_request(paths(), Request::power_off));
    const auto late = take_request(paths(), Request::power_off, now() + off);
    ASSERT_FALSE(late) << off.count();
    EXPECT_EQ(late.error().code, Errc::refused);
    EXPECT_FALSE(fs::exists(file(Request::power_off)));
  }
  ASSERT_TRUE(put_request(paths(), Request::power_off));
  EXPECT_TRUE(take_request(paths(), Request::power_off, now() + Ms{30'000}));
}

// Only the word counts: root looks at the stick itself, whatever somebody wrote into the file.
TEST_F(Requests, for_an_upgrade_are_a_word_alone) {
  for (const Request request : {Request::upgrade, Request::roll_back}) {
    EXPECT_EQ(parse_request(word(request)), request);
    EXPECT_FALSE(take_request(paths(), request, now())) << "nobody has asked";
    ASSERT_TRUE(put_request(paths(), request));
    EXPECT_TRUE(take_request(paths(), request, now()));
    fs::create_symlink("/etc/passwd", file(request));
    EXPECT_FALSE(take_request(paths(), request, now())) << "a link";
  }
  for (const char* none : {"", "upgrade ", "upgrade/../restart", "rollback", "UPGRADE"})
    EXPECT_FALSE(parse_request(none)) << none;
}

TEST_F(Requests, that_are_none_are_removed_and_refused) {
  std::ofstream{paths().runtime() / "secret"} << "1 1\n";
  fs::create_symlink(paths().runtime() / "secret", file(Request::clock));
  EXPECT_FALSE(take_request(paths(), Request::clock, now())) << "a link";
  EXPECT_TRUE(fs::exists(paths().runtime() / "secret"));
  EXPECT_FALSE(fs::is_symlink(file(Request::clock)));
  std::ofstream{file(Request::clock)} << std::string(1000, '1');
  EXPECT_FALSE(take_request(paths(), Request::clock, now())) << "a long one";
  ASSERT_EQ(::mkfifo(file(Request::clock).c_str(), 0600), 0);
  EXPECT_FALSE(take_request(paths(), Request::clock, now())) << "a pipe, which nobody writes to";
  EXPECT_FALSE(fs::exists(file(Request::clock)));
  fs::remove(paths().requests());
  const auto nobody = put_request(paths(), Request::eject);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::refused);
}

TEST_F(Requests, carry_a_time_that_goes_on_while_they_wait) {
  const UtcMs now = utc_ms(1'795'521'600'000);
  const std::string text = clock_text(now, Mono{Ms{5'000}});
  EXPECT_EQ(*time_in(text, Mono{Ms{6'500}}), now + Ms{1'500});
  EXPECT_FALSE(time_in(text, Mono{Ms{4'999}})) << "of another boot";
  EXPECT_FALSE(time_in(text, Mono{Ms{500'000}})) << "old";
  for (const char* bad : {"", "\n", "1\n", "x 5000\n", "1795521600000 5000", "1795521600000 5000\nrm",
                          "0 5000\n", "-1 5000\n", "99999999999999999999 5000\n", "9999999999999 5000\n"})
    EXPECT_FALSE(time_in(bad, Mono{Ms{5'000}})) << bad;
}

}  // namespace
}  // namespace alona::ops
