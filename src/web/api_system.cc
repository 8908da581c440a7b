// The box itself: its disk, what is written to it, how long it lasts.
#include <fmt/format.h>

#include "web/api.h"
#include "web/json.h"
#include "web/system_json.h"

namespace alona::web {
namespace {

std::string day_text(std::int32_t day) {
  return iso8601(UtcMs{std::chrono::sys_days{std::chrono::days{day}}}).substr(0, 10);
}

json::value or_null(const auto& value) { return value ? json::value(*value) : json::value(nullptr); }

// The whole disk's writes, else the core's own.
std::uint64_t written(const store::WearRow& row) { return row.device_bytes.value_or(row.process_bytes); }

json::object forecast_json(const room::Forecast& forecast) {
  return {{"days_left", or_null(forecast.days_left)},
          {"bytes_a_day", or_null(forecast.bytes_a_day)},
          {"why", forecast.why.empty() ? json::value(nullptr) : json::value(forecast.why)}};
}

}  // namespace

json::object disk_json(const room::Picture& disk) {
  const bool today_known = !disk.days.empty() && disk.days.back().day == disk.today;
  return {{"known", disk.known},
          {"total", disk.space.total},
          {"free", disk.space.free},
          {"step", room::name(disk.step)},
          {"since", disk.step == room::Step::ample ? json::value(nullptr) : json::value(count(disk.since))},
          {"forecast", forecast_json(disk.forecast)},
          {"written_today", today_known ? json::value(written(disk.days.back())) : json::value(nullptr)},
          {"device", disk.device.empty() ? json::value(nullptr) : json::value(disk.device)}};
}

json::object backup_json(const BackupNews& news) {
  const auto when = [](const std::optional<UtcMs>& t) { return t ? json::value(count(*t)) : nullptr; };
  return {{"newest", when(news.newest)}, {"proven", when(news.proven)}};
}

void Api::system(const Call& call) {
  const room::Picture& disk = model_.disk();
  json::object about = disk_json(disk);
  about["reserve"] = disk.contract.reserve;
  about["ballast"] = {{"bytes", disk.contract.ballast}, {"held", disk.space.ballast}};
  about["reusable"] = disk.reusable;
  about["may_thin"] = disk.may_thin;
  about["dropped"] = {{"files", disk.files_dropped}, {"bytes", disk.bytes_dropped}};
  json::array days;
  for (const store::WearRow& row : disk.days) {
    days.push_back({{"day", day_text(row.day)},
                    {"device_bytes", or_null(row.device_bytes)},
                    {"process_bytes", row.process_bytes},
                    {"free", row.free_bytes}});
  }
  call.reply(answer(json::object{{"now", count(clock_.utc())},
                                 {"version", options_.version},
                                 {"started", count(started_)},
                                 {"disk", std::move(about)},
                                 {"wear", std::move(days)}}));
}

}  // namespace alona::web
