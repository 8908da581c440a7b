#include "alona/health_checks.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstring>
#include <optional>

#include "alona/backups_known.h"
#include "backup/sets.h"
#include "base/files.h"
#include "http/unix_client.h"
#include "ops/broker_files.h"
#include "ops/broker_login.h"
#include "ops/paths.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using State = HealthCheck::State;
constexpr Ms core_patience = 10s, broker_patience = 5s;
constexpr double inodes_free_min = 0.05, memory_free_min = 0.08;
constexpr long too_hot_millidegrees = 80'000;     // a Pi slows down from here on
constexpr std::uint64_t under_voltage_now = 0x1;  // bit 0 of get_throttled
constexpr std::uint64_t written_a_day_max = 1'000'000'000;
constexpr std::size_t days_meant = 7;  // a whole backup and a drill lie on single days

HealthCheck ok(std::string id) { return {std::move(id), State::ok, {}, {}}; }
HealthCheck failing(std::string id, std::string what, std::string next) {
  return {std::move(id), State::failing, std::move(what), std::move(next)};
}
HealthCheck unknown(std::string id, std::string why) {
  return {std::move(id), State::unknown, std::move(why), {}};
}

std::string text_of(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

// ---- the core, and what it knows ----

struct CoreSays {
  HealthCheck core;
  std::vector<HealthCheck> findings;
};

CoreSays ask(const ops::Paths& paths) {
  const auto answer = http::unix_request(paths.core_socket(), "GET", "/api/v1/overview", {}, core_patience);
  const char* journal =
      "`journalctl -u alona-core` says why; `sudo systemctl restart alona-core` starts it anew.";
  if (!answer) {
    const Errc code = answer.error().code;
    if (code == Errc::auth) return {unknown("core", answer.error().what), {}};
    if (code == Errc::outcome_unknown)
      return {
          failing("core", fmt::format("the core hangs: no answer within {} s", core_patience / 1s), journal),
          {}};
    return {failing("core", "the core doesn't run", journal), {}};
  }
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer->body, bad);
  const auto* object = bad ? nullptr : value.if_object();
  if (object == nullptr)
    return {failing("core", "the core answers something that isn't its own", journal), {}};
  if (answer->status != 200)
    return {
        failing("core", fmt::format("the core has no database to go on with: {}", text_of(*object, "detail")),
                text_of(*object, "next")),
        {}};
  CoreSays says{ok("core"), {}};
  const auto* findings = object->if_contains("findings");
  if (findings == nullptr || !findings->is_array()) return says;
  for (const auto& finding : findings->get_array()) {
    const auto* one = finding.if_object();
    // A box that is being set up; and that nobody has looked, while somebody does.
    if (one == nullptr || text_of(*one, "id") == "no_nodes" || text_of(*one, "id") == "health_old") continue;
    says.findings.push_back(failing(text_of(*one, "id"), text_of(*one, "what"), text_of(*one, "todo")));
  }
  return says;
}

// Of the days that are over, the last seven.
HealthCheck written(const ops::Paths& paths) {
  const auto answer = http::unix_request(paths.core_socket(), "GET", "/api/v1/system", {}, core_patience);
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer ? answer->body : "", bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* days = object == nullptr ? nullptr : object->if_contains("wear");
  if (days == nullptr || !days->is_array() || days->get_array().size() < 2)
    return unknown("written", "nobody has counted a whole day yet");
  std::uint64_t bytes = 0;
  std::size_t n = 0;
  const auto& all = days->get_array();
  for (std::size_t i = all.size() - 1; i-- > 0 && n < days_meant; ++n) {
    const auto* day = all[i].if_object();
    if (day == nullptr) continue;
    const auto* device = day->if_contains("device_bytes");
    const auto* own = day->if_contains("process_bytes");
    const auto* count = device != nullptr && !device->is_null() ? device : own;
    if (count != nullptr) bytes += count->to_number<std::uint64_t>(bad);
  }
  if (n == 0 || bytes / n <= written_a_day_max) return ok("written");
  return failing(
      "written",
      fmt::format("{} MB a day are written to the disk, as a mean of {} days", bytes / n / 1'000'000, n),
      "A card wears out by that. `[storage] commit_interval = \"2s\"` halves the core's part; `sudo iotop "
      "-ao` "
      "shows whose the rest is.");
}

// ---- the broker ----

HealthCheck broker(const ops::Config& config, const ops::Paths& paths) {
  const auto password = files::read(paths.check_password(ops::canary_user), 4096);
  if (!password) return unknown("broker", password.error().what);
  const auto in = ops::log_in_once({config.mqtt.host, config.mqtt.port}, std::string{ops::canary_user},
                                   password->substr(0, password->find('\n')), broker_patience);
  if (in) return ok("broker");
  if (in.error().code == Errc::auth)
    return failing("broker_login", "the broker refuses a password that Alona has given it",
                   "`sudo alona setup`, then `sudo systemctl restart mosquitto`.");
  return failing("broker",
                 fmt::format("the broker doesn't answer at {}:{}", config.mqtt.host, config.mqtt.port),
                 "`sudo systemctl restart mosquitto`; `journalctl -u mosquitto` says why it went.");
}

// ---- the disk ----

std::vector<HealthCheck> disk(const ops::Config& config, const ops::Paths& paths) {
  std::vector<HealthCheck> all;
  struct statvfs about{};
  if (::statvfs(paths.data().c_str(), &about) != 0)
    return {failing(
        "room",
        fmt::format("{} can't be looked at: {}", paths.data().string(), std::strerror(errno)),  // NOLINT
        "Is the disk there? `dmesg` tells of its errors.")};
  const double used = 100.0 * (1.0 - static_cast<double>(about.f_bavail) /
                                         static_cast<double>(std::max<fsblkcnt_t>(about.f_blocks, 1)));
  all.push_back(used <= config.health.disk_used_max_percent
                    ? ok("room")
                    : failing("room", fmt::format("the disk is {:.0f} % full", used),
                              "`alona status` says how long it lasts; docs/operations.md, \"Room on the "
                              "disk\", what goes first."));
  const bool few = about.f_files > 0 &&
                   static_cast<double>(about.f_favail) < inodes_free_min * static_cast<double>(about.f_files);
  all.push_back(!few ? ok("inodes")
                     : failing("inodes",
                               fmt::format("the disk has room for {} more files only", about.f_favail),
                               "Something makes small files without end: `sudo du --inodes -x / | sort -n | "
                               "tail` shows where."));
  // Each its own: the timer's round and one by hand may look at the same moment.
  const fs::path probe = paths.data() / "health" / fmt::format("probe-{}", ::getpid());
  const auto wrote = files::replace(probe, "a health check wrote this\n", 0640);
  std::error_code gone;
  fs::remove(probe, gone);
  all.push_back(wrote ? ok("writable")
                      : failing("writable", "nothing can be written to the disk: " + wrote.error().what,
                                "`dmesg` says whether the kernel has made it read-only after errors: then it "
                                "wants a new card; "
                                "`sudo alona backup copy` saves what there is."));
  return all;
}

// ---- backups ----

// As the core would tell of them; whether its clock is right, a dead one can't say.
std::vector<HealthCheck> backups(const ops::Config& config, const ops::Paths& paths, UtcMs now) {
  const auto sets = backup::list_sets(paths.backups());
  if (!sets) return {unknown("backup", sets.error().what)};
  std::vector<HealthCheck> all;
  if (!sets->empty() && !sets->front().counts())
    all.push_back(failing("backup_broken",
                          fmt::format("the newest backup is bad: {}", sets->front().state.failed),
                          "`sudo alona backup now` makes another and says what is wrong."));
  const auto known = backups_known(*sets, config.mqtt.password_file, config.health.backup_age_max);
  for (const web::Finding& finding : web::backup_findings(known, now, true))
    all.push_back(failing(finding.id, finding.what, finding.todo));
  if (all.empty()) all.push_back(ok("backup"));
  return all;
}

// ---- the machine ----

std::optional<std::uint64_t> number_in(const fs::path& file, int base) {
  auto text = files::read(file, 64);
  if (!text) return std::nullopt;
  std::string_view digits = *text;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  std::uint64_t n = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
  return wrong == std::errc{} ? std::optional{n} : std::nullopt;
}

std::optional<double> memory_share(const fs::path& file) {
  const auto text = files::read(file, 16'384);
  if (!text) return std::nullopt;
  const auto kib = [&](std::string_view key) -> double {
    const auto at = text->find(key);
    if (at == std::string::npos) return 0;
    const auto begin = text->find_first_of("0123456789", at);
    std::uint64_t n = 0;
    std::from_chars(text->data() + std::min(begin, text->size()), text->data() + text->size(), n);
    return static_cast<double>(n);
  };
  const double all = kib("MemTotal:");
  return all > 0 ? std::optional{kib("MemAvailable:") / all} : std::nullopt;
}

std::vector<HealthCheck> machine(const HealthPlaces& places) {
  std::vector<HealthCheck> all;
  // Files that aren't there: a machine without such a sensor.
  if (const auto heat = number_in(places.temperature, 10))
    all.push_back(static_cast<long>(*heat) < too_hot_millidegrees
                      ? ok("temperature")
                      : failing("temperature", fmt::format("the processor has {} °C", *heat / 1000),
                                "Give the box air or shade; from 80 °C on it slows down."));
  if (const auto throttled = number_in(places.throttled, 16))
    all.push_back((*throttled & under_voltage_now) == 0
                      ? ok("power_supply")
                      : failing("power_supply", "the power supply is too weak at this moment",
                                "A better supply or a shorter cable: power that sags ruins cards."));
  if (const auto share = memory_share(places.memory))
    all.push_back(*share >= memory_free_min
                      ? ok("memory")
                      : failing("memory", fmt::format("{:.0f} % of the memory are left", 100 * *share),
                                "`top` shows who has it (M sorts by memory)."));
  return all;
}

}  // namespace

std::vector<HealthCheck> health_checks(const ops::Config& config, const Clock& clock,
                                       const HealthPlaces& places) {
  const ops::Paths paths{config};
  CoreSays says = ask(paths);
  const bool alive = says.core.state == State::ok;
  std::vector<HealthCheck> all{std::move(says.core)};
  const auto add = [&](HealthCheck check) {
    // What the core has told already, in its own words.
    if (std::ranges::find(all, check.id, &HealthCheck::id) == all.end()) all.push_back(std::move(check));
  };
  for (HealthCheck& finding : says.findings) add(std::move(finding));
  add(broker(config, paths));
  for (HealthCheck& check : disk(config, paths)) add(std::move(check));
  // A core that runs knows better whether a backup is overdue: how old the box is, and whether its clock is
  // right.
  for (HealthCheck& check : backups(config, paths, clock.utc())) {
    if (!alive || check.state != State::failing || check.id == "backup_broken") add(std::move(check));
  }
  if (alive) add(written(paths));
  for (HealthCheck& check : machine(places)) add(std::move(check));
  return all;
}

}  // namespace alona
