// `alona doctor`: everything that can be tried on this box, tried. Beside the round of checks that the timer
// makes (health_checks.h): the broker's rules by real logins, files' modes and owners, whether the disk keeps
// what it says it has, the page as a visitor meets it, the sandbox and the timers. It changes nothing that
// stays. One thread; a minute at most, some seconds when all is well.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "alona/health_checks.h"
#include "ops/paths.h"

namespace alona {

struct DoctorCheck {
  // note: worth knowing, and no fault. unknown: it couldn't be looked at; `what` says why.
  enum class State { ok, note, failing, unknown };
  std::string id;  // its paragraph in docs/runbook.md; "silent:roof" has that of "silent"
  State state = State::ok;
  std::string what, next;  // what was seen, what to do about it
};

// What is examined.
struct Patient {
  const ops::Config& config;
  const Clock& clock;
  ops::Paths paths{config};
  std::filesystem::path systemd = "/run/systemd/system";  // there: systemd runs this machine
};

// `begin` hears what is looked at next, `tell` each result as it comes. The same results are returned.
[[nodiscard]] std::vector<DoctorCheck> examine(const Patient& patient,
                                               const std::function<void(std::string_view)>& begin,
                                               const std::function<void(const DoctorCheck&)>& tell);

// Why a finding matters, in a sentence, by its id.
[[nodiscard]] std::string_view why_it_matters(std::string_view id);
// Where docs/runbook.md tells more: "docs/runbook.md#silent".
[[nodiscard]] std::string runbook_place(std::string_view id);

// Inside the doctor's practice only: the chapters, each in a file of its own.
namespace doctor {
using Checks = std::vector<DoctorCheck>;
[[nodiscard]] Checks broker(const Patient& patient);
[[nodiscard]] Checks files(const Patient& patient);
[[nodiscard]] Checks disk(const Patient& patient);
[[nodiscard]] Checks clock(const Patient& patient);
[[nodiscard]] Checks network(const Patient& patient);
[[nodiscard]] Checks services(const Patient& patient);

[[nodiscard]] inline DoctorCheck ok(std::string id, std::string seen = {}) {
  return {std::move(id), DoctorCheck::State::ok, std::move(seen), {}};
}
[[nodiscard]] inline DoctorCheck note(std::string id, std::string what, std::string next) {
  return {std::move(id), DoctorCheck::State::note, std::move(what), std::move(next)};
}
[[nodiscard]] inline DoctorCheck failing(std::string id, std::string what, std::string next) {
  return {std::move(id), DoctorCheck::State::failing, std::move(what), std::move(next)};
}
[[nodiscard]] inline DoctorCheck unknown(std::string id, std::string why) {
  return {std::move(id), DoctorCheck::State::unknown, std::move(why), {}};
}
}  // namespace doctor

}  // namespace alona
