// Every limit on a queue, loop, size or wait, in one place, each with its reason. Nothing is bounded elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace alona::limits {

using namespace std::chrono_literals;

// ---- messages (docs/protocol.md) ----
inline constexpr std::size_t payload_bytes_max = 16 * 1024;
// Above this the broker cuts the connection; between the two the core refuses with a reason.
inline constexpr std::size_t broker_packet_bytes_max = 20'000;
inline constexpr std::size_t batch_readings_max = 450;
inline constexpr std::size_t reading_json_bytes_min =
    std::string_view{R"({"sensor":"a","value":0,"unit":"C"},)"}.size();
static_assert(batch_readings_max * reading_json_bytes_min <= payload_bytes_max);
inline constexpr std::size_t json_depth_max = 8;
inline constexpr std::size_t name_bytes_max = 32;
inline constexpr std::size_t unit_chars_max = 16;
inline constexpr std::size_t event_data_bytes_max = 4 * 1024;
inline constexpr std::size_t text_bytes_max = 512;  // error messages, firmware names, reset reasons
inline constexpr double value_abs_max = 1e15;       // beyond it a double no longer holds every tenth

// ---- exactly once ----
inline constexpr std::uint32_t node_unacked_max = 512;
inline constexpr std::uint32_t window_length = 1024;
static_assert(window_length >= 2 * node_unacked_max);
inline constexpr std::size_t boots_per_node = 4;
// The broker's max_inflight_messages (1,000) and max_queued_messages (20,000): what a restart may deliver again.
inline constexpr std::size_t broker_inflight_max = 1'000;
inline constexpr std::size_t broker_queued_max = 20'000;
inline constexpr std::size_t tail_messages = broker_inflight_max + broker_queued_max;
static_assert(tail_messages < 65'535);  // packet ids must not come round within the tail

// ---- one commit ----
inline constexpr std::size_t commit_messages_max = broker_inflight_max;
inline constexpr std::size_t commit_full_window = 100;  // with this many waiting, a quiet line means a full window
inline constexpr auto commit_quiet = 10ms;
inline constexpr auto commit_interval_default = 1000ms;
inline constexpr auto commit_interval_min = 100ms;
inline constexpr auto commit_interval_max = 10'000ms;
inline constexpr int urgent_bucket = 10;  // events, errors and status that commit at once; refilled one a second

// ---- the box ----
inline constexpr std::size_t nodes_max_default = 64;
inline constexpr std::size_t series_max_default = 1024;
inline constexpr std::uint32_t node_day_readings_max = 1'000'000;
inline constexpr std::uint32_t node_day_events_max = 10'000;
inline constexpr std::uint32_t node_day_heartbeats_max = 5'000;
inline constexpr std::size_t reject_payload_bytes_max = 1024;
inline constexpr std::size_t reject_rows_max = 10'000;
inline constexpr std::size_t reject_bytes_max = 10 * 1024 * 1024;

// ---- configuration and provisioning ----
inline constexpr std::size_t config_bytes_max = 256 * 1024;  // ten times a file with every key and long comments
inline constexpr std::size_t config_text_bytes_max = 255;    // a file name's limit; also more than a host name's
inline constexpr std::size_t config_list_max = 32;
inline constexpr std::uint64_t reserve_bytes_min = std::uint64_t{64} << 20;  // twice the ballast file
inline constexpr std::size_t broker_files_bytes_max = 4 * 1024 * 1024;  // 4,096 nodes need 0.6 MiB
inline constexpr std::size_t password_bytes_max = 512;  // argon2id would hash a longer one just as well; nobody types it
inline constexpr std::size_t password_bytes_min = 8;
inline constexpr std::size_t label_chars_max = 64;  // names and places: a phone's line holds about forty
// A broker rereads its password file within milliseconds of the signal; the rest is for one that is just restarting.
inline constexpr auto broker_reload_max = 10s;
inline constexpr auto broker_reload_retry = 200ms;
inline constexpr auto command_answer_max = 30s;  // the core proves a login before it answers

// ---- time ----
inline constexpr auto node_ahead_max = 5min;  // a node's ts further ahead is replaced by receipt and marked
inline constexpr std::int64_t node_ts_min_ms = 946'684'800'000;  // 2000-01-01: before it a clock was never set

}  // namespace alona::limits
