// The page of a box whose database isn't ready, over the core's socket.
#include "web/rescue.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "http/unix_client.h"

namespace alona::web {
namespace {

class RescuePage : public testing::Test {
 protected:
  RescuePage() {
    folder_ = mkdtemp(name_);
    options_.port = 0;
    options_.unix_socket = folder_ / "core.sock";
  }
  ~RescuePage() override { std::filesystem::remove_all(folder_); }

  http::ClientResponse get(const std::string& path) {
    const auto answer = http::unix_request(options_.unix_socket, "GET", path, {}, Ms{5000});
    EXPECT_TRUE(answer) << answer.error().text();
    return answer ? *answer : http::ClientResponse{};
  }

  WebOptions options_;

 private:
  char name_[32] = "/tmp/alona-rescue-XXXXXX";
  std::filesystem::path folder_;
};

TEST_F(RescuePage, says_whether_it_is_at_work_and_at_what) {
  auto page = RescueServer::start(options_, {.wrong = "The disk is full.", .todo = "Free <b>room</b>."});
  ASSERT_TRUE(page) << page.error().text();
  EXPECT_EQ(get("/health").status, 503);
  EXPECT_EQ(get("/health").body, R"({"status":"failing"})");
  EXPECT_TRUE(get("/").body.contains("The box can’t store readings."));
  EXPECT_TRUE(get("/").body.contains("Free &lt;b&gt;room&lt;/b&gt;."));
  for (const auto& [work, title] :
       {std::pair{RescueWork::mending, "The box is mending its database."},
        std::pair{RescueWork::upgrading, "The box is bringing its history up to date."}}) {
    (*page)->update(
        {.work = work, .wrong = "W", .detail = "D", .todo = "nothing to do", .command = "alona restore"});
    EXPECT_EQ(get("/health").status, 503);
    EXPECT_EQ(get("/health").body, R"({"status":"working"})");
    EXPECT_TRUE(get("/").body.contains(title)) << title;
    EXPECT_EQ(get("/").body.contains("alona restore"), work == RescueWork::mending);
    EXPECT_FALSE(get("/").body.contains("nothing to do")) << "nobody is asked for anything meanwhile";
  }
}

}  // namespace
}  // namespace alona::web
