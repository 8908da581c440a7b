#include "alona/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace alona {
namespace {

using State = DoctorCheck::State;

State state_of(HealthCheck::State state) {
  return state == HealthCheck::State::ok        ? State::ok
         : state == HealthCheck::State::failing ? State::failing
                                                : State::unknown;
}

doctor::Checks timers_round(const Patient& patient) {
  doctor::Checks checks;
  for (HealthCheck& c : health_checks(patient.config, patient.clock))
    checks.push_back({std::move(c.id), state_of(c.state), std::move(c.what), std::move(c.next)});
  return checks;
}

std::string_view paragraph(std::string_view id) { return id.substr(0, id.find(':')); }

struct Why {
  std::string_view id, text;
};

// tests/docs/test_runbook.py holds this list and the runbook together.
constexpr auto whys = std::to_array<Why>({
    {"core", "Without it nothing is stored; nodes and broker keep what comes for a while."},
    {"broker", "Nodes can't send anything."},
    {"broker_login", "Checks, and perhaps the core, can't speak with the broker."},
    {"canary", "Nodes send, and nothing of it is kept."},
    {"broker_allowed", "Nodes speak and nobody hears them."},
    {"broker_anonymous", "Anybody on the network could read and make up readings."},
    {"broker_password", "Anybody who knows a name could speak as that node."},
    {"broker_publish", "One node, or one stolen password, could make up the readings of all."},
    {"broker_subscribe", "One stolen password would let a stranger read along with everything."},
    {"broker_will", "A node could speak as another by breaking off its connection."},
    {"broker_rules", "Rules that nobody has tried may not hold."},
    {"broker_files", "The broker may admit or refuse the wrong ones when it next reads its files."},
    {"storing", "What comes in waits at the broker, which has room for so much only."},
    {"room", "A full disk stops storing."},
    {"inodes", "Without room for another file backups and checks fail."},
    {"writable", "Nothing can be stored."},
    {"fsync", "What is acknowledged as stored must survive a power cut."},
    {"backup", "A card that dies takes with it what no backup has."},
    {"backup_broken", "A backup that can't be read is none."},
    {"health_old", "What nobody looks at any more isn't found."},
    {"backup_proof", "A backup that nobody has restored is a hope."},
    {"second_copy", "Backups on the same card die with it."},
    {"clock", "Readings get times that are wrong until somebody tells the time."},
    {"silent", "Its readings are missing until it is back."},
    {"offline", "Its readings are missing until it is back."},
    {"unseen", "A node was promised, and nothing of it is stored."},
    {"node_clock", "Its readings have the time of their arrival."},
    {"rejects", "What a node meant to say isn't in the history."},
    {"damaged", "What is damaged can be lost with the next fault."},
    {"check_old", "Damage that nobody has found goes into every backup."},
    {"salvaged", "Something was lost or mended; somebody should know."},
    {"damaged_history", "A piece of history can't be shown."},
    {"written", "Cards die of being written to."},
    {"temperature", "A hot processor slows down and ages."},
    {"power_supply", "Power that sags ruins cards."},
    {"memory", "Without memory the kernel ends programs."},
    {"modes", "Who reads these files can speak as the box or as any node."},
    {"owners", "The core or the broker can't read or replace what belongs to somebody else."},
    {"page", "Nobody can look at the readings."},
    {"lan", "Nodes or phones can't reach the box."},
    {"upgrade_open", "Nobody has seen the new version turn well, and the next restart takes it back."},
    {"version", "An upgrade isn't in force before the core has been started again."},
    {"services", "What doesn't run, or won't after a reboot, is missing when nobody is there."},
    {"timers", "Backups, drills and checks stop without anybody noticing."},
    {"sandbox", "A fault in the core could reach the rest of the machine."},
});

}  // namespace

std::vector<DoctorCheck> examine(const Patient& patient, const std::function<void(std::string_view)>& begin,
                                 const std::function<void(const DoctorCheck&)>& tell) {
  struct Chapter {
    std::string_view name;
    doctor::Checks (*look)(const Patient&);
  };
  constexpr auto chapters = std::to_array<Chapter>({{"what the timer's round looks at", timers_round},
                                                    {"the broker's rules, by real logins", doctor::broker},
                                                    {"files, their modes and owners", doctor::files},
                                                    {"whether the disk keeps what it says", doctor::disk},
                                                    {"clock and time zone", doctor::clock},
                                                    {"the page and the network", doctor::network},
                                                    {"services, timers and sandbox", doctor::services}});
  std::vector<DoctorCheck> all;
  for (const Chapter& chapter : chapters) {
    begin(chapter.name);
    for (DoctorCheck& check : chapter.look(patient)) {
      // Told already by an earlier chapter, such as the core's own finding about its clock.
      if (std::ranges::find(all, check.id, &DoctorCheck::id) != all.end()) continue;
      tell(check);
      all.push_back(std::move(check));
    }
  }
  return all;
}

std::string_view why_it_matters(std::string_view id) {
  const auto found = std::ranges::find(whys, paragraph(id), &Why::id);
  return found == whys.end() ? std::string_view{} : found->text;
}

std::string runbook_place(std::string_view id) { return fmt::format("docs/runbook.md#{}", paragraph(id)); }

}  // namespace alona
