#include "protocol/decode.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>

#include "base/limits.h"
#include "protocol/text.h"

namespace alona::protocol {
namespace {

const Topic single{"roof", TopicKind::telemetry, "t"};
const Topic batch{"roof", TopicKind::telemetry_batch, {}};
const Topic event{"gate", TopicKind::event, "opened"};

std::string refusal_of(const Topic& topic, std::string_view payload) {
  const auto message = decode(topic, payload);
  if (message) return "decoded";
  return fmt::format("{} | {}", name(message.error().reason), message.error().detail);
}

std::string batch_of(std::size_t readings) {
  std::string text = R"({"v":1,"readings":[)";
  for (std::size_t i = 0; i < readings; ++i) text += R"({"sensor":"a","value":0,"unit":"C"},)";
  text.back() = ']';
  return text + "}";
}

TEST(Decode, a_hundred_thousand_doubles_keep_every_bit) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000;) {
    const double sent = std::bit_cast<double>(random());
    if (!(std::abs(sent) <= limits::value_abs_max)) continue;
    ++i;
    const std::string payload = fmt::format(R"({{"v":1,"sensor":"t","value":{},"unit":"C"}})", sent);
    const auto message = decode(single, payload);
    ASSERT_TRUE(message) << payload;
    const double kept = std::get<Telemetry>(message->body).readings.at(0).value;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(kept), std::bit_cast<std::uint64_t>(sent)) << payload;
    const auto bare = decode(single, fmt::format("{}", sent));
    ASSERT_TRUE(bare) << payload;
    ASSERT_EQ(std::get<Telemetry>(bare->body).readings.at(0).value, sent);
  }
}

TEST(Decode, everyday_decimals_keep_every_bit) {
  for (int i = -50'000; i <= 50'000; ++i) {
    const std::string text = fmt::format("{}.{:02}", i / 100, std::abs(i) % 100);
    const auto message = decode(single, text);
    ASSERT_TRUE(message) << text;
    ASSERT_EQ(std::get<Telemetry>(message->body).readings.at(0).value, std::strtod(text.c_str(), nullptr))
        << text;
  }
}

TEST(Decode, a_batch_holds_450_readings_and_no_more) {
  const auto full = decode(batch, batch_of(limits::batch_readings_max));
  ASSERT_TRUE(full);
  EXPECT_EQ(std::get<Telemetry>(full->body).readings.size(), 450u);
  EXPECT_EQ(refusal_of(batch, R"({"v":1,"readings":[)" + std::string(900, '0') + "]}"),
            R"(json | not JSON at byte 21, near "00000000000000000000")");
  std::string zeros = R"({"v":1,"readings":[0)";
  for (int i = 0; i < 450; ++i) zeros += ",0";
  EXPECT_EQ(refusal_of(batch, zeros + "]}"), "range | readings: 451, allowed are 1 to 450");
}

TEST(Decode, what_a_refused_reading_said_is_kept_as_it_stood) {
  const auto message =
      decode(batch, R"({"v":1,"x":"],","readings" : [ {"sensor":"a","value":"\"}","unit":"C"} , 7]})");
  ASSERT_TRUE(message);
  const auto& telemetry = std::get<Telemetry>(message->body);
  ASSERT_EQ(telemetry.refused.size(), 2u);
  EXPECT_EQ(telemetry.refused[0].text, R"({"sensor":"a","value":"\"}","unit":"C"})");
  EXPECT_EQ(telemetry.refused[1].text, "7");
}

TEST(Decode, ts_is_rounded_to_the_nearest_millisecond) {
  const auto ms = [](std::string_view ts) {
    const auto message =
        decode(single, fmt::format(R"({{"v":1,"sensor":"t","value":1,"unit":"C","ts":{}}})", ts));
    return message ? count(*message->stamp.ts) : -1;
  };
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("1795545727.2504"), 1'795'545'727'250);
  EXPECT_EQ(ms("1795545727.2506"), 1'795'545'727'251);
  EXPECT_EQ(ms("7289654399"), 7'289'654'399'000);
  EXPECT_EQ(ms("7289654400"), -1);
  EXPECT_EQ(ms("-0.001"), -1);
  EXPECT_EQ(ms("1e400"), -1);
}

TEST(Decode, event_data_ends_at_four_kibibytes) {
  const auto payload = [](std::size_t data_bytes) {
    return R"({"v":1,"type":"opened","data":")" + std::string(data_bytes - 2, 'x') + "\"}";
  };
  EXPECT_TRUE(decode(event, payload(4096)));
  EXPECT_EQ(refusal_of(event, payload(4097)), "range | data: 4097 bytes, 4096 are allowed");
}

TEST(Decode, a_duplicate_among_thousands_of_keys_is_found) {
  std::string data = "{";
  for (int i = 0; i < 300; ++i) data += fmt::format(R"("k{}":0,)", i);
  const auto payload = [&](std::string_view last) {
    return fmt::format(R"({{"v":1,"type":"opened","data":{}"{}":0}}}})", data, last);
  };
  EXPECT_TRUE(decode(event, payload("k300")));
  EXPECT_EQ(refusal_of(event, payload("k7")), R"(json | the field "k7" comes twice)");
}

TEST(Decode, whatever_is_refused_the_detail_is_clean_and_short) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const std::string_view pieces[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     ",",
                                     ":",
                                     "\"",
                                     "\\u0000",
                                     "\\u001b",
                                     "\\u009b",
                                     "é",
                                     "€",
                                     "𝄞",
                                     "\"v\":1,",
                                     "\"sensor\":\"",
                                     "\"value\":",
                                     "\"unit\":\"",
                                     "1",
                                     "-",
                                     "e9",
                                     "\n",
                                     "\"readings\":[",
                                     "\x1b",
                                     "\x7f",
                                     "\xc2\x85",
                                     "\xff",
                                     "true",
                                     "null",
                                     "aaaaaaaaaaaaaaaa"};
  for (int i = 0; i < 50'000; ++i) {
    std::string payload = i % 2 == 0 ? "{" : R"({"v":1,"sensor":")";
    for (auto n = random() % 12; n > 0; --n) payload += pieces[random() % std::size(pieces)];
    if (i % 3 == 0) payload += "\"}";
    const auto message = decode(i % 5 == 0 ? batch : single, payload);
    if (message) continue;
    const std::string& detail = message.error().detail;
    ASSERT_FALSE(detail.empty()) << payload;
    ASSERT_LE(detail.size(), 200u) << payload;
    ASSERT_TRUE(valid_utf8(detail) && !has_control(detail)) << payload << "\n" << detail;
  }
}

TEST(Utf8, a_label_is_one_line_of_at_most_64_characters) {
  std::string cyrillic;
  for (std::size_t n = 0; n < limits::label_chars_max; ++n) cyrillic += "ж";
  EXPECT_TRUE(valid_label(""));
  EXPECT_TRUE(valid_label(cyrillic));
  for (const std::string& text :
       {cyrillic + "a", std::string{"a\nb"}, std::string{"a\xC2\x9B"}, std::string{"\xB0"}})
    EXPECT_FALSE(valid_label(text)) << text;
}

TEST(Utf8, what_unicode_forbids_is_invalid) {
  for (const char* text : {"\x80", "\xc2", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xef\xbf",
                           "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "12345678\xff",
                           "1234567\xe2\x82", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(valid_utf8(text)) << text;
  }
  for (const char* text :
       {"", "a", "12345678", "°C", "é€𝄞", "1234567é12345678€", "\xf4\x8f\xbf\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(valid_utf8(text)) << text;
  }
}

}  // namespace
}  // namespace alona::protocol
