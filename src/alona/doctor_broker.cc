// The doctor's chapter on the broker: its rules by real logins, and its files by their text.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "alona/doctor.h"
#include "base/files.h"
#include "base/limits.h"
#include "ops/broker_files.h"
#include "ops/broker_rules.h"

namespace alona::doctor {
namespace {

constexpr const char* mend =
    "`sudo alona setup` writes the broker's files anew, `sudo systemctl restart mosquitto` has "
    "them read; then `sudo alona doctor` again.";
constexpr const char* other_conf =
    "Another configuration is in force: `systemctl cat mosquitto` shows which file it reads, "
    "`grep -r allow_anonymous /etc/mosquitto` who allows it. `sudo alona setup`, `sudo systemctl restart "
    "mosquitto`.";

const char* next_of(std::string_view id) { return id == "broker_anonymous" ? other_conf : mend; }

Checks rules(const Patient& patient) {
  const auto& mqtt = patient.config.mqtt;
  const auto tried = ops::try_broker_rules(patient.paths, mqtt.password_file, {mqtt.host, mqtt.port});
  if (!tried && tried.error().code == Errc::auth)
    return {failing("broker_login",
                    "the broker refuses a password that Alona has given it: " + tried.error().what, mend)};
  if (!tried) return {unknown("broker_rules", "not tried: " + tried.error().what)};
  Checks checks;
  for (const ops::RuleTried& rule : *tried)
    checks.push_back(rule.holds ? ok(rule.id) : failing(rule.id, rule.what, next_of(rule.id)));
  return checks;
}

// What is in force and what lies there may differ: the next reload would tell.
DoctorCheck texts(const Patient& patient) {
  const auto acl = ops::broker_acl();
  const auto now = alona::files::read(patient.paths.broker_acl(), limits::broker_files_bytes_max);
  if (!now && now.error().code != Errc::not_found) return unknown("broker_files", now.error().what);
  if (!now || *now != acl)
    return failing("broker_files",
                   fmt::format("{} isn't as Alona writes it", patient.paths.broker_acl().string()), mend);
  const auto passwords = ops::BrokerPasswords::read(patient.paths.broker_passwords());
  if (!passwords)
    return passwords.error().code == Errc::corrupt ? failing("broker_files", passwords.error().what, mend)
                                                   : unknown("broker_files", passwords.error().what);
  for (const std::string_view user : {std::string_view(patient.config.mqtt.user), ops::canary_user,
                                      ops::probe_user, ops::doctor_user, ops::witness_user}) {
    if (!passwords->has(user))
      return failing("broker_files", fmt::format("the broker's logins lack {}", user), mend);
  }
  return ok("broker_files");
}

}  // namespace

Checks broker(const Patient& patient) {
  Checks checks = rules(patient);
  checks.push_back(texts(patient));
  return checks;
}

}  // namespace alona::doctor
