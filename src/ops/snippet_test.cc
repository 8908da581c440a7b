#include "ops/snippet.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace alona::ops {
namespace {

constexpr std::string_view nvs = R"(key,type,encoding,value
alona,namespace,,
node_id,data,string,roof
name,data,string,alona.local
host,data,string,192.168.1.2
port,data,u16,1883
password,data,string,00ff
wifi_ssid,data,string,
wifi_pass,data,string,
)";

TEST(Snippet, nvs_is_what_nvs_partition_gen_takes) {
  EXPECT_EQ(nvs_csv({"roof", "00ff", "192.168.1.2", 1883, "alona.local"}), nvs);
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

TEST(Snippet, nodes_get_the_name_and_the_address) {
  const NodeAccess access{"roof", "00ff", "192.168.1.2", 1883, "alona-2.local"};
  EXPECT_NE(c_header(access).find(
                "#define ALONA_BROKER_NAME \"alona-2.local\"\n#define ALONA_BROKER_HOST \"192.168.1.2\"\n"),
            std::string::npos);
  EXPECT_NE(esphome_yaml(access).find("broker: \"192.168.1.2\"  # or \"alona-2.local\""), std::string::npos);
  EXPECT_TRUE(access_uri(access).ends_with("&name=alona-2.local"));
  const NodeAccess nameless{"roof", "00ff", "192.168.1.2", 1883};
  EXPECT_NE(c_header(nameless).find("ALONA_BROKER_NAME \"\"\n"), std::string::npos);
  EXPECT_EQ(esphome_yaml(nameless).find("# or"), std::string::npos);
  EXPECT_EQ(access_uri(nameless).find("name="), std::string::npos);
}

}  // namespace
}  // namespace alona::ops
