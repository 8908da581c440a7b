// Every limit on a queue, loop, size or wait, in one place, each with its reason. Nothing is bounded
// elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace alona::limits {

using namespace std::chrono_literals;
using std::chrono::days;

// ---- messages (docs/protocol.md) ----
inline constexpr std::size_t payload_bytes_max = std::size_t{16} * 1024;
// Above this the broker cuts the connection; between the two the core refuses with a reason.
inline constexpr std::size_t broker_packet_bytes_max = 20'000;
inline constexpr std::size_t batch_readings_max = 450;
inline constexpr std::size_t reading_json_bytes_min =
    std::string_view{R"({"sensor":"a","value":0,"unit":"C"},)"}.size();
static_assert(batch_readings_max * reading_json_bytes_min <= payload_bytes_max);
inline constexpr std::size_t json_depth_max = 8;
inline constexpr std::size_t name_bytes_max = 32;
inline constexpr std::size_t unit_chars_max = 16;
inline constexpr std::size_t event_data_bytes_max = std::size_t{4} * 1024;
inline constexpr std::size_t text_bytes_max = 512;  // error messages, firmware names, reset reasons
inline constexpr double value_abs_max = 1e15;       // beyond it a double no longer holds every tenth
// Ages, uptimes and sleeps: longer than any node runs on one start, and far from overflowing a time.
inline constexpr std::int64_t age_s_max = std::int64_t{20} * 366 * 86'400;
inline constexpr std::int64_t ts_end_ms = 7'289'654'400'000;  // 2201-01-01: no clock says so
inline constexpr std::int64_t rssi_dbm_min = -200;  // far outside what radios report, so that a wrong
inline constexpr std::int64_t rssi_dbm_max = 100;   // field is noticed and a strange chip is not refused
inline constexpr std::int64_t heap_bytes_max = std::int64_t{1} << 40;
inline constexpr double battery_v_max = 1000;
inline constexpr std::size_t refusal_detail_bytes_max = 200;  // one line of the journal and of the page
inline constexpr std::size_t shown_bytes_max = 40;  // of a stranger's text in it: enough to know one's own

// ---- exactly once ----
inline constexpr std::uint32_t node_unacked_max = 512;
inline constexpr std::uint32_t window_length = 1024;
static_assert(window_length >= 2 * node_unacked_max);
inline constexpr std::size_t boots_per_node = 4;
// The broker's max_inflight_messages (1,000) and max_queued_messages (20,000): what a restart may deliver
// again.
inline constexpr std::size_t broker_inflight_max = 1'000;
inline constexpr std::size_t broker_queued_max = 20'000;
inline constexpr std::size_t tail_messages = broker_inflight_max + broker_queued_max;
static_assert(tail_messages < 65'535);  // packet ids must not come round within what a broker can hold
// A broker that delivers again after a connect does it at once; a line that was quiet for so long has nothing
// left of that. Generous, because ending too early stores twice: the broker may be saving to a slow card.
inline constexpr auto redelivery_quiet = 5'000ms;

// ---- one commit ----
// Half of what the broker may have in flight: while one half waits for the disk, the other is on its way.
inline constexpr std::size_t commit_messages_max = broker_inflight_max / 2;
inline constexpr std::size_t commit_full_window =
    100;  // with this many waiting, a quiet line means a full window
inline constexpr auto commit_quiet = 10ms;
inline constexpr auto commit_interval_default = 1000ms;
inline constexpr auto commit_interval_min = 100ms;
inline constexpr auto commit_interval_max = 10'000ms;
inline constexpr int urgent_bucket =
    10;  // events, errors and status that commit at once; refilled one a second

// ---- sealed history ----
inline constexpr std::size_t chunk_readings_max = 4096;
inline constexpr std::size_t hot_readings_max = 100'000;  // above it the older half is sealed
inline constexpr std::uint64_t log_pages_max = 4096;      // likewise: 2 MiB of pages of 512 bytes
inline constexpr auto seal_slice = 15ms;                  // of the writer's time, between two commits
inline constexpr int seal_share = 15;  // with messages coming, one part in fifteen of the writer's time

// ---- room on the disk ----
inline constexpr std::uint64_t ballast_bytes = std::uint64_t{32} << 20;
inline constexpr std::uint64_t ballast_slice_bytes = std::uint64_t{256} << 10;  // of it, synced at one look
inline constexpr auto room_look_ample = 10s;  // a card that takes 20 MB/s fills 200 MB in between
inline constexpr auto room_look_low = 1s;
inline constexpr std::size_t room_files_dropped = 8;   // at one look
inline constexpr std::size_t room_files_max = 1'000;   // of a folder, in the order to drop
inline constexpr std::size_t room_rows_dropped = 500;  // in one slice: about as long as a commit
inline constexpr auto heartbeat_kept = days{30};       // younger ones are never dropped for room
// So much free inside the file that storing goes on without asking the disk: a week of a small house.
inline constexpr std::uint64_t reusable_bytes_enough = std::uint64_t{8} << 20;
inline constexpr auto thin_bucket = 10min;
inline constexpr std::size_t thin_chunks = 3;  // of a series at once: they make one full chunk
inline constexpr auto thin_slice = 15ms;       // of the writer's time, between two commits
inline constexpr int ledger_days_kept = 4'000;
inline constexpr int ledger_days_shown = 31;
inline constexpr int forecast_days = 30;
inline constexpr int forecast_days_min = 7;  // fewer say nothing about the next
inline constexpr int forecast_days_left_max = 36'500;

// ---- the writer's loop ----
inline constexpr std::size_t commands_max = 64;  // waiting for the writer; a page makes a few a minute
inline constexpr auto reconnect_min = 250ms;
inline constexpr auto reconnect_max = 5'000ms;      // the broker is on this box: trying is cheap
inline constexpr auto recover_pause_min = 1'000ms;  // between looks at a database that can't be written
inline constexpr auto recover_pause_max = 30'000ms;
inline constexpr auto backlog_min = 500ms;  // after a connect, before a quiet line means that nothing waited
inline constexpr auto time_interval = 60s;  // alona/core/time
inline constexpr auto fold_interval = 30min;  // bounds what a start replays to 1,800 small commits

// ---- the box ----
inline constexpr std::size_t nodes_max_default = 64;
inline constexpr std::size_t series_max_default = 1024;
inline constexpr std::uint32_t node_day_readings_max = 1'000'000;
inline constexpr std::uint32_t node_day_events_max = 10'000;
inline constexpr std::uint32_t node_day_heartbeats_max = 5'000;
inline constexpr std::size_t reject_payload_bytes_max = 1024;
inline constexpr std::size_t reject_rows_max = 10'000;
inline constexpr std::size_t reject_bytes_max = std::size_t{10} * 1024 * 1024;

// ---- configuration and provisioning ----
inline constexpr std::size_t config_bytes_max =
    256 * 1024;  // ten times a file with every key and long comments
inline constexpr std::size_t config_text_bytes_max =
    255;  // a file name's limit; also more than a host name's
inline constexpr std::size_t config_list_max = 32;
inline constexpr std::uint64_t reserve_bytes_min = std::uint64_t{64} << 20;  // twice the ballast file
inline constexpr std::size_t broker_files_bytes_max = 4 * 1024 * 1024;       // 4,096 nodes need 0.6 MiB
inline constexpr std::size_t label_chars_max = 64;  // names and places: a phone's line holds about forty
// A broker rereads its password file within milliseconds of the signal; the rest is for one that is just
// restarting.
inline constexpr auto broker_reload_max = 10s;
inline constexpr auto broker_reload_retry = 200ms;
inline constexpr auto broker_login_max = 5s;  // one login; both together stay below http_answer_timeout
// From a reading's way to the broker to the disk: a commit interval of 10 s, and a flood before it.
inline constexpr auto canary_max = 30s;
inline constexpr auto canary_look = 200ms;       // whether it has come
inline constexpr auto command_answer_max = 30s;  // the core proves a login before it answers
// While the core is stopped, commands that change nodes or users wait for one another: one proof and a bit.
inline constexpr auto command_lock_max = 20s;
inline constexpr auto command_lock_retry = 50ms;

// ---- the page (docs/api.md) ----
// A header holds one cookie and a short target; a body is at most a few form fields.
inline constexpr std::size_t http_header_bytes_max = 8 * 1024;
inline constexpr std::size_t http_body_bytes_max = 64 * 1024;
inline constexpr std::size_t http_buffer_bytes_max =
    2 * http_header_bytes_max;  // header plus what came with it
inline constexpr std::size_t http_path_segments_max = 8;
inline constexpr std::size_t http_query_fields_max = 16;
inline constexpr auto http_header_timeout =
    10s;                                        // from the first byte to the last of a header; then of a body
inline constexpr auto http_idle_timeout = 60s;  // between two requests of one connection
inline constexpr auto http_write_timeout = 15s;   // one piece of an answer; a slower reader is cut
inline constexpr auto http_answer_timeout = 20s;  // a handler; longer than any query or login in its queue
inline constexpr auto http_stop_grace = 2s;       // at stop, for answers under way
// About ten browsers with six connections each. The command line's socket has its own few, so that a flood
// from the LAN never locks the keeper out.
inline constexpr std::size_t http_connections_max = 64;
inline constexpr std::size_t http_local_connections_max = 8;
inline constexpr std::size_t live_streams_max = 16;
inline constexpr std::size_t starts_shown_max = 10;  // of the box; a crash each few seconds fills any list
static_assert(broker_reload_max + broker_login_max < http_answer_timeout);
static_assert(live_streams_max < http_connections_max);
// What one slow live stream may leave unread before it is cut: minutes of a house, seconds of a flood.
inline constexpr std::size_t live_queue_bytes_max = 128 * 1024;
// What a stream that broke can still resume from.
inline constexpr std::size_t live_ring_frames_max = 512;
inline constexpr std::size_t live_ring_bytes_max = 256 * 1024;
inline constexpr std::size_t stream_chunk_bytes = 16 * 1024;      // of an export
inline constexpr std::size_t stream_queue_bytes_max = 64 * 1024;  // of it, waiting for the reader
inline constexpr auto export_time_max = 10min;
inline constexpr std::size_t answer_bytes_max = 16 * 1024 * 1024;  // what the command line takes

// ---- import ----
inline constexpr std::size_t import_line_bytes_max =
    std::size_t{16} * 1024;  // a reading needs about a hundred
inline constexpr std::size_t import_columns_max = 256;
inline constexpr std::size_t import_errors_shown = 20;        // enough to see what they have in common
inline constexpr std::size_t import_piece_bytes = 60 * 1024;  // a request's body, below http_body_bytes_max
static_assert(import_piece_bytes + 1024 < http_body_bytes_max);
inline constexpr auto import_core_wait = 20s;  // for a core that restarts in the middle, or is busy
inline constexpr auto import_core_retry = 200ms;
inline constexpr std::size_t exclude_readings_max = 5'000;  // by hand at once: one transaction, a few chunks
inline constexpr std::size_t import_waiting_max = 4;        // pieces; each command sends one and waits for it
// Readings in one commit: as many as a slow card takes within import_slice, between these bounds.
inline constexpr std::size_t import_slice_min = 64;
inline constexpr std::size_t import_slice_max = 4096;
inline constexpr auto import_slice = 20ms;

// ---- questions to the database ----
inline constexpr std::size_t pool_threads = 2;
inline constexpr std::size_t pool_queue_max = 64;  // one a connection; the next gets 503
inline constexpr auto query_time_max = 5s;
inline constexpr std::size_t history_points_max = 5'000;
inline constexpr std::size_t list_rows_max = 200;
inline constexpr std::size_t recent_max = 20;
inline constexpr std::size_t trend_points = 60;
inline constexpr auto trend_age_max = 60s;

// ---- gaps (docs/gaps.md) ----
inline constexpr std::size_t gaps_max = 100;         // of a series in one question; the longest are kept
inline constexpr int gap_intervals = 3;              // of the expected interval: as patient as presence is
inline constexpr auto gap_min = 2s;                  // below it network and commit jitter alone make holes
inline constexpr std::size_t gap_distances_min = 4;  // a median of fewer is an accident
inline constexpr std::size_t gap_rhythm_min = 32;    // distances, before the irregular ones say anything
inline constexpr std::size_t gap_facts_max = 5'000;  // rows of one table that a question looks at
// A node tries again after at most 5 minutes (src/node); what is missing until then is still the outage's.
inline constexpr auto gap_settle = 6min;
inline constexpr auto outage_min = 2s;    // shorter ones leave no hole
inline constexpr auto outage_open = 10s;  // then it is written though it lasts, should the power go
inline constexpr auto alive_interval = 10min;
inline constexpr std::int64_t diary_rows_max =
    10'000;  // power events, outages; a crash loop makes thousands a day
inline constexpr std::int64_t node_boots_max = 1'000;  // of a node that draws a new one at each waking
inline constexpr auto heartbeats_whole = std::chrono::days{30};
inline constexpr auto thin_interval = 60s;

// ---- login ----
// argon2id: 19 MiB and two passes, one at a time, so that a flood of logins takes one thread and 19 MiB, not
// the box.
inline constexpr std::size_t login_waiting_max = 4;
inline constexpr std::size_t password_bytes_max = 256;
inline constexpr std::size_t password_chars_min = 8;
inline constexpr int login_failures_free = 5;  // a minute and address; then each further try must wait
inline constexpr auto login_failure_window = 60s;
inline constexpr std::size_t login_addresses_max = 256;
inline constexpr std::size_t sessions_cached_max = 64;
inline constexpr int session_days_default = 30;

// ---- the MQTT client ----
// QoS 1 publishes on their way at once: above a node's window, so that libmosquitto never holds back what we
// flush.
inline constexpr int mqtt_send_max = 1024;
static_assert(mqtt_send_max > static_cast<int>(node_unacked_max));
inline constexpr auto mqtt_connect_wait =
    3000ms;  // an address in the LAN answers in milliseconds or not at all
inline constexpr auto mqtt_goodbye_wait =
    500ms;  // for a broker that reads nothing, well below systemd's patience

// ---- time ----
inline constexpr auto node_ahead_max = 5min;  // a node's ts further ahead is replaced by receipt and marked
inline constexpr auto time_save_interval = 10min;
inline constexpr auto clock_read_max = 10ms;       // between two looks at clocks that count as one moment
inline constexpr auto clock_step = 1s;             // a synchronised clock that jumps further has changed
inline constexpr auto clock_chip_ahead_max = 24h;  // of the floor; further needs somebody's word
inline constexpr std::int64_t visitor_time_max_ms = 7'258'118'400'000;  // 2200-01-01
inline constexpr std::int64_t node_ts_min_ms =
    946'684'800'000;  // 2000-01-01: before it a clock was never set

}  // namespace alona::limits
