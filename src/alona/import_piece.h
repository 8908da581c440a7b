// What the command and the core say to one another of an import: readings as `alona export` writes them, and
// what became of them as JSON. No state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/import_job.h"

namespace alona {

[[nodiscard]] Result<std::vector<store::NamedReading>> read_piece(std::string_view csv);

[[nodiscard]] std::string counts_json(const std::vector<ingest::ImportCount>& counts);
[[nodiscard]] Result<std::vector<ingest::ImportCount>> read_counts(std::string_view json);

}  // namespace alona
