// Inside the store only: what the tables know of a time without readings, put before the rules of gaps.h. One
// for each question, within its transaction; reads only when something is missing. Throws SQLite::Exception.
#pragma once

#include <map>
#include <optional>

#include "store/database.h"
#include "store/gaps.h"
#include "store/reader.h"
#include "store/series_merge.h"

namespace alona::store {

class GapWitness {
 public:
  GapWitness(SQLite::Database& db, const ClockShifts& shifts) : db_(db), shifts_(shifts) {}

  // The gaps of `query` into `history`, whose buckets are known.
  void tell(const HistoryQuery& query, GapFinder& finder, History& history);

  struct Found {
    std::vector<Explained> gaps;  // ascending
    Rhythm rhythm{};
    bool more = false;
  };
  [[nodiscard]] Found find(const HistoryQuery& query, GapFinder& finder, Ms shortest);
  [[nodiscard]] bool numbered(NodeNo node);

 private:
  struct Owner {
    NodeNo node{};
    std::string id, sensor;
    Ms interval{}, sleep{};
  };
  struct Before {
    bool any = false;  // the series had readings before the span
    std::optional<Rhythm> rhythm;
  };
  [[nodiscard]] const Owner& owner(SeriesNo series);
  [[nodiscard]] Before before(const HistoryQuery& query, GapFinder& finder);
  [[nodiscard]] bool sealed_before(const HistoryQuery& query, Before& known);
  [[nodiscard]] std::vector<UtcMs> logged_before(const HistoryQuery& query);
  [[nodiscard]] Facts facts(const Owner& of, const GapFinder& finder, std::span<const Stretch> silences);
  void add_box(Facts& facts, Stretch span);
  void add_away(Facts& facts, NodeNo node, Stretch span);
  void add_starts(Facts& facts, NodeNo node, Stretch span);
  void add_runs(Facts& facts, NodeNo node, std::span<const Stretch> silences);
  void add_rejects(Facts& facts, const Owner& of, Stretch span);

  SQLite::Database& db_;
  const ClockShifts& shifts_;
  std::map<SeriesNo, Owner> owners_;
};

}  // namespace alona::store
