// The box itself: its health, its disk, what is written to it, how long it lasts, its clock, its versions.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

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

json::value versions_json(const Versions& versions) {
  const auto text = [](const std::string& t) {
    return t.empty() ? json::value(nullptr) : json::value(shown(t));
  };
  json::value last = nullptr;
  if (versions.last) {
    last = json::object{{"at", count(versions.last->at)},
                        {"back", versions.last->back},
                        {"state", versions.last->state},
                        {"text", shown(versions.last->text)}};
  }
  return json::object{{"offer", text(versions.offer)},
                      {"trouble", text(versions.trouble)},
                      {"former", text(versions.former)},
                      {"last", std::move(last)}};
}

json::value health_json(const std::optional<HealthKnown>& known) {
  if (!known) return nullptr;
  json::array checks;
  for (const HealthKnown::Check& check : known->checks) {
    checks.push_back(json::object{{"id", shown(check.id)},
                                  {"state", check.state},
                                  {"what", shown(check.what)},
                                  {"next", shown(check.next)},
                                  {"since", count(check.since)}});
  }
  return json::object{{"at", count(known->at)}, {"checks", std::move(checks)}};
}

std::string_view name(store::RunEnd end) {
  switch (end) {
    case store::RunEnd::none:
      return "none";
    case store::RunEnd::stopped:
      return "stopped";
    case store::RunEnd::shutdown:
      return "shutdown";
    case store::RunEnd::crash:
      return "crash";
    case store::RunEnd::power:
      return "power";
  }
  return "none";
}

json::value starts_json(const Result<std::vector<store::Start>>& starts) {
  if (!starts) return nullptr;
  json::array all;
  for (const store::Start& s : *starts) {
    all.push_back(json::object{{"at", count(s.at)},
                               {"at_known", s.at_known},
                               {"before", name(s.before)},
                               {"last", s.last ? json::value(count(*s.last)) : nullptr},
                               {"dark_ms", s.dark ? json::value(s.dark->count()) : nullptr}});
  }
  return all;
}

std::string_view name(store::ClockSource source) {
  switch (source) {
    case store::ClockSource::floor:
      return "floor";
    case store::ClockSource::chip:
      return "chip";
    case store::ClockSource::visitor:
      return "visitor";
    case store::ClockSource::ntp:
      return "ntp";
  }
  return "floor";
}

constexpr std::array<std::pair<std::string_view, BoxWish>, 5> box_words{{{"restart", BoxWish::restart},
                                                                         {"power_off", BoxWish::power_off},
                                                                         {"eject", BoxWish::eject},
                                                                         {"upgrade", BoxWish::upgrade},
                                                                         {"roll_back", BoxWish::roll_back}}};

json::array can_json(const std::vector<BoxWish>& can) {
  json::array words;
  for (const auto& [word, wish] : box_words)
    if (std::ranges::find(can, wish) != can.end()) words.push_back(json::value(word));
  return words;
}

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
  const bool asked = pool_.compute<Around>(
      [this]() -> Result<Around> {
        return Around{backend_.health(), backend_.reached(), backend_.versions()};
      },
      [this, reply = call.reply](const Result<Around>& around) {
        if (!around) return reply(problem_of(around.error()));
        system_starts(*around, reply);
      });
  if (!asked) call.reply(busy());
}

// A database that can't be asked hides nothing of the rest.
void Api::system_starts(const Around& around, const http::Reply& reply) {
  using Starts = std::vector<store::Start>;
  const bool asked = pool_.ask<Starts>(
      [](Archive& archive) { return archive.starts(limits::starts_shown_max); },
      [this, around, reply](const Result<Starts>& starts) { reply(system_answer(around, starts)); });
  if (!asked) reply(busy());
}

http::Response Api::system_answer(const Around& around,
                                  const Result<std::vector<store::Start>>& starts) const {
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
  json::array libraries;
  for (const auto& [name, version] : options_.libraries)
    libraries.push_back(json::object{{"name", name}, {"version", version}});
  const auto source = model_.clock_source();
  return answer(json::object{
      {"now", count(clock_.utc())},
      {"version", options_.version},
      {"libraries", std::move(libraries)},
      {"started", count(started_)},
      {"clock",
       {{"trusted", clock_.trusted()},
        {"source", source ? json::value(name(*source)) : json::value(nullptr)},
        {"timezone", options_.timezone},
        {"accept_browser", options_.accept_browser}}},
      {"can", can_json(backend_.box_can())},
      {"reached",
       {{"name", around.reached.name.empty() ? json::value(nullptr) : json::value(around.reached.name)},
        {"address", around.reached.address}}},
      {"upgrade", versions_json(around.versions)},
      {"health", health_json(around.health)},
      {"starts", starts_json(starts)},
      {"disk", std::move(about)},
      {"wear", std::move(days)}});
}

void Api::ask_box(const Call& call) {
  const auto fields = parse_fields(call.request, {"do"});
  if (!fields) return call.reply(problem_of(fields.error()));
  const auto said = fields->find("do");
  const auto found = std::ranges::find_if(
      box_words, [&](const auto& one) { return said != fields->end() && one.first == said->second; });
  if (found == box_words.end())
    return call.reply(
        problem_of({Errc::usage, "do is needed: restart, power_off, eject, upgrade or roll_back", {}}));
  const bool asked = backend_.ask_box(found->second, call.who.user, [reply = call.reply](Result<void> done) {
    if (!done) return reply(problem_of(done.error()));
    http::Response response;
    response.status = 202;
    reply(std::move(response));
  });
  if (!asked) call.reply(busy());
}

}  // namespace alona::web
