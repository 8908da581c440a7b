#include "http/target.h"

#include <gtest/gtest.h>

#include <random>

#include "http/head.h"
#include "http/router.h"
#include "protocol/decode.h"

namespace alona::http {
namespace {

TEST(Target, is_split_before_it_is_decoded) {
  const auto target = parse_target("/api/v1/nodes/a%2Fb?q=1+2&name=%C3%A4");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"api", "v1", "nodes", "a/b"}));
  EXPECT_EQ(*target->find("q"), "1 2");
  EXPECT_EQ(*target->find("name"), "ä");
  EXPECT_EQ(target->find("none"), nullptr);
}

TEST(Target, what_is_not_exactly_right_is_refused) {
  for (const char* text : {"",
                           "x",
                           "*",
                           "http://h/",
                           "/a//b",
                           "/../etc",
                           "/a/%2e%2e/b",
                           "/.",
                           "/a%",
                           "/a%4",
                           "/a%zz",
                           "/%00",
                           "/%0a",
                           "/%c0%af",
                           "/%ff",
                           "/a?x=%",
                           "/a?x=1&x=2",
                           "/a?=1",
                           "/a?x=%00",
                           "/a#b",
                           "/1/2/3/4/5/6/7/8/9",
                           "/?a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q="}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

TEST(Target, random_bytes_give_clean_text_or_nothing) {
  const unsigned seed = std::random_device{}();
  std::mt19937 random{seed};
  const std::string_view alphabet = "/%%.&=?+ab20cEfF\xc3\xa4\x80";
  for (int i = 0; i < 200'000; ++i) {
    std::string text = "/";
    for (auto n = random() % 24; n > 0; --n) {
      text += random() % 16 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    }
    const auto target = parse_target(text);
    if (!target) continue;
    for (const auto& segment : target->segments) {
      ASSERT_TRUE(protocol::valid_utf8(segment) && segment != ".." && segment.find('\0') == std::string::npos)
          << "seed " << seed << ": " << text;
    }
  }
}

TEST(Host, strangers_names_are_not_ours) {
  for (const char* host : {"192.168.1.4", "192.168.1.4:4000", "[fe80::1]:4000", "[::1]", "localhost",
                           "localhost:4000", "alona.local", "ALONA.local.", "box.home", "BOX.home:80"}) {
    EXPECT_TRUE(host_allowed(host, {"box.home"})) << host;
  }
  for (const char* host :
       {"", "evil.example", "192.168.1.4.evil.example", ".local", "local", "box.home.evil", "x:y",
        "localhost:4000:1", "[::1", "[::1]x", "127.1", "0x7f000001", "alona.local:99999999"}) {
    EXPECT_FALSE(host_allowed(host, {"box.home"})) << host;
  }
}

TEST(Router, finds_by_method_and_path_and_names_the_allowed_methods) {
  Router<int> router;
  router.add(Method::get, "/", 1);
  router.add(Method::get, "/nodes/{id}", 2);
  router.add(Method::patch, "/nodes/{id}", 3);
  router.add(Method::get, "/series/{id}/history", 4);
  EXPECT_EQ(router.find(Method::get, {}).route->value, 1);
  const auto found = router.find(Method::patch, {"nodes", "roof"});
  EXPECT_EQ(found.route->value, 3);
  EXPECT_EQ(found.parameters, std::vector<std::string>{"roof"});
  EXPECT_EQ(router.find(Method::post, {"nodes", "roof"}).route, nullptr);
  EXPECT_EQ(router.find(Method::post, {"nodes", "roof"}).allow, "GET, PATCH");
  EXPECT_EQ(router.find(Method::get, {"nodes"}).allow, "");
  EXPECT_EQ(router.find(Method::get, {"series", "7", "history"}).route->value, 4);
  EXPECT_EQ(router.find(Method::get, {"series", "7", "history", "x"}).route, nullptr);
}

TEST(Head, a_line_break_in_a_value_makes_no_header) {
  Response response = json("{}");
  response.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
  const std::string text = head_text(response, {});
  EXPECT_EQ(text.find("Set-Cookie"), std::string::npos);
  EXPECT_NE(text.find("X-Name: a\r\n"), std::string::npos);
}

TEST(Problem, text_of_strangers_stays_text) {
  const Response response = problem(400, "bad \"title\"", "<script>\n\xff");
  EXPECT_EQ(
      response.body,
      R"({"type":"about:blank","title":"bad \"title\"","status":400,"detail":"\u003cscript>\n\ufffd"})");
}

}  // namespace
}  // namespace alona::http
