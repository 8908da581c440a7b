#include "ops/snippet.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace alona::ops {
namespace {

constexpr std::string_view nvs = R"(key,type,encoding,value
alona,namespace,,
node_id,data,string,roof
host,data,string,192.168.1.2
port,data,u16,1883
password,data,string,00ff
wifi_ssid,data,string,
wifi_pass,data,string,
)";

TEST(Snippet, nvs_is_what_nvs_partition_gen_takes) {
  EXPECT_EQ(nvs_csv({"roof", "00ff", "192.168.1.2", 1883}), nvs);
  EXPECT_NE(nvs_csv({"roof", "0", R"(my, "box")", 1}).find(R"(host,data,string,"my, ""box""")"),
            std::string::npos);
}

TEST(Snippet, the_qr_code_has_its_three_corners_and_a_terminal_shows_the_same) {
  const auto rows = qr_rows(access_uri({"roof", std::string(32, 'a'), "192.168.1.2", 1883}));
  ASSERT_TRUE(rows) << rows.error().text();
  const std::size_t width = rows->size();
  EXPECT_TRUE(width >= 21 && width % 4 == 1) << width;
  EXPECT_TRUE(std::ranges::all_of(*rows, [&](const std::string& row) { return row.size() == width; }));
  const std::string edge = "1111111";
  EXPECT_EQ(rows->front().substr(0, 7), edge);
  EXPECT_EQ(rows->front().substr(width - 7), edge);
  EXPECT_EQ(rows->back().substr(0, 7), edge);
  EXPECT_NE(rows->back().substr(width - 7), edge);
  const auto text = qr_text("alona");
  ASSERT_TRUE(text);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(*text, '\n')), (21U + 4U + 1U) / 2U);
}

TEST(Snippet, what_is_too_long_is_said) { EXPECT_FALSE(qr_rows(std::string(5'000, 'x'))); }

TEST(Snippet, the_boxs_name_is_one_for_mdns) {
  const std::string name = lan_name();
  EXPECT_TRUE(name.ends_with(".local")) << name;
  EXPECT_EQ(std::ranges::count(name, '.'), 1) << name;
}

}  // namespace
}  // namespace alona::ops
