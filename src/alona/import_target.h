// Where an import's readings go: to the running core, a piece at a time, or while it is stopped into the
// database. One object, one thread; memory of a piece.
#pragma once

#include <memory>

#include "alona/core_client.h"
#include "alona/import_piece.h"
#include "ops/config.h"

namespace alona {

class ImportTarget {
 public:
  // `dry`: nothing is changed, only counted.
  [[nodiscard]] static Result<std::unique_ptr<ImportTarget>> open(const ops::Config& config, bool dry);
  virtual ~ImportTarget() = default;
  [[nodiscard]] virtual Result<void> add(const store::NamedReading& reading) = 0;
  [[nodiscard]] virtual Result<void> finish() = 0;
  // After finish(): who imported what, for those who ask later.
  [[nodiscard]] virtual Result<void> note(const std::string& who, const std::string& what) = 0;
  // Of what is on disk, series by series.
  [[nodiscard]] const std::vector<ingest::ImportCount>& counts() const { return counts_; }

 protected:
  void sum(const std::vector<ingest::ImportCount>& counts);

 private:
  std::vector<ingest::ImportCount> counts_;
};

}  // namespace alona
