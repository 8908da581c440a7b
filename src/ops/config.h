// The configuration: what alona.toml says, checked, with a default for every key. A file may be empty; a key,
// section, type or value that isn't known refuses the start and names file, line, key and what is allowed
// (Errc::config). Plain data, read once at the start; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "base/time.h"

namespace alona::ops {

inline constexpr const char* config_path_default = "/etc/alona/alona.toml";

enum class OnCorruption { keep_going, stop };  // "continue" (salvage into a fresh database) or "stop"

struct Config {
  struct {
    std::filesystem::path data_dir = "/var/lib/alona";
    std::filesystem::path runtime_dir = "/run/alona";
    std::string site = "Alona";
    std::string timezone = "UTC";
  } core;
  struct {
    std::string host = "127.0.0.1";
    std::uint16_t port = 1883;
    std::string user = "alona-core";
    std::filesystem::path password_file = "/etc/alona/mqtt-password";
    std::string client_id = "alona-core";
  } mqtt;
  struct {
    std::string listen = "0.0.0.0:4000";
    std::vector<std::string> allowed_hosts;
    bool public_read = false;
    int session_days = 30;
  } web;
  struct {
    std::size_t nodes = limits::nodes_max_default;
    std::size_t series = limits::series_max_default;
    bool discovery = false;
  } limits;
  struct {
    Ms commit_interval = limits::commit_interval_default;
    std::uint64_t reserve_bytes = std::uint64_t{500} << 20;
    OnCorruption on_corruption = OnCorruption::keep_going;
    std::chrono::days thin_after{0};  // 0: never
  } storage;
  struct {
    std::chrono::minutes at{3 * 60 + 15};  // after midnight, in the machine's own zone
    int keep = 14;
    double max_share = 0.3;
    std::string second_target;
    std::filesystem::path passphrase_file;  // empty: second copies aren't encrypted
    std::vector<std::string> include;
  } backup;
  struct {
    int disk_used_max_percent = 85;
    std::chrono::hours backup_age_max{48};
  } health;
  struct {
    bool accept_browser = true;
  } time;
};

// The file at `path`. When there is none: the defaults if nobody asked for it by name (`must_exist` false).
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& path, bool must_exist);

// The same from text; `name` stands for the file in errors.
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string_view name);

// What the text sets, without its comments: for strangers' eyes, since a comment may say anything. Values of
// keys are no secrets: those lie in files of their own.
[[nodiscard]] Result<std::string> config_without_comments(std::string_view text);

// "0.0.0.0:4000", "[::1]:4000" taken apart; the host without brackets.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<ListenAddress> parse_listen(std::string_view text);

}  // namespace alona::ops
