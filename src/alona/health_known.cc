#include "alona/health_known.h"

#include "alona/health_record.h"

namespace alona {
namespace {

using namespace std::chrono_literals;

std::string word(HealthCheck::State state) {
  using State = HealthCheck::State;
  return state == State::ok ? "ok" : state == State::failing ? "failing" : "unknown";
}

}  // namespace

std::optional<web::HealthKnown> health_known(const ops::Paths& paths, const Clock& clock) {
  const auto round = parse_record(read_record(paths));
  if (!round) return std::nullopt;
  Ms ahead = clock.utc() - SystemClock{}.utc();
  if (ahead > -1s && ahead < 1s) ahead = 0ms;  // read one after the other: the same clock
  web::HealthKnown known{.at = round->at + ahead, .checks = {}};
  for (const HealthEntry& e : round->entries)
    known.checks.push_back({e.check.id, word(e.check.state), e.check.what, e.check.next, e.since + ahead});
  return known;
}

std::optional<UtcMs> health_round_at(const ops::Paths& paths) {
  const auto round = parse_record(read_record(paths));
  return round ? std::optional{round->at} : std::nullopt;
}

}  // namespace alona
