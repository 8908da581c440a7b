// One field of an imported line: judged, and put into the reading. No state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ingest/import_text.h"

namespace alona::ingest {

struct FieldProblem {
  std::string what, next;
};

// Nothing: it is in `reading`.
[[nodiscard]] std::optional<FieldProblem> take_field(ImportColumn column, std::string_view text,
                                                     const ImportFormat& format,
                                                     store::NamedReading& reading);

[[nodiscard]] std::string_view trimmed(std::string_view text);  // of spaces and tabs

}  // namespace alona::ingest
