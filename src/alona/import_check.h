// What the first reading of a file finds: each line judged, which series there are, whether there is room for
// them; and the report at the end. Memory: what is wrong with the first lines, and a few bytes a series, of
// which there are at most as many as are allowed. One object, one thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "alona/import_input.h"
#include "alona/progress.h"
#include "ingest/import_job.h"
#include "ingest/import_text.h"
#include "ops/config.h"

namespace alona {

class ImportCheck {
 public:
  explicit ImportCheck(const ops::Config& config) : config_(config) {}
  // Which nodes and series there are.
  [[nodiscard]] Result<void> known();
  [[nodiscard]] Result<void> read(const ImportInput& input, const ingest::ImportFormat& format,
                                  Progress& progress);
  // refused: more nodes or series than are allowed.
  [[nodiscard]] Result<void> room() const;

  [[nodiscard]] std::uint64_t readings() const { return readings_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] Error refusal(const std::string& file) const;
  [[nodiscard]] std::string report(bool dry, const std::vector<ingest::ImportCount>& counts) const;
  // For the audit: the file and the counts.
  [[nodiscard]] std::string audit(const std::string& file,
                                  const std::vector<ingest::ImportCount>& counts) const;
  [[nodiscard]] std::string json(const std::string& file, bool dry,
                                 const std::vector<ingest::ImportCount>& counts) const;

 private:
  using Name = std::tuple<std::string, std::string, std::string>;
  struct Span {
    UtcMs from{}, to{};
  };
  void take(const store::NamedReading& reading);
  [[nodiscard]] Span all() const;

  const ops::Config& config_;
  std::map<std::string, bool> nodes_;  // that there are; true: removed
  std::set<Name> series_;
  std::map<Name, Span> seen_;
  std::map<Name, Span>::iterator last_ = seen_.end();
  std::uint64_t readings_ = 0, refused_ = 0;
  std::vector<ingest::ImportRefusal> refusals_;  // the first
};

}  // namespace alona
