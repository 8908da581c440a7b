// A reading as one line of CSV or NDJSON: `time,node,sensor,value,unit,quality`, ISO 8601 UTC with
// milliseconds, a value in the shortest form that reads back to the same 64 bits, every flag in `quality`
// (store/reading_text.h). No state.
#pragma once

#include <string>
#include <string_view>

#include "store/reader.h"

namespace alona {

inline constexpr std::string_view csv_header = "time,node,sensor,value,unit,quality\r\n";

// RFC 4180: CRLF, and quotes around what holds a comma, a quote or a line break.
[[nodiscard]] std::string csv_row(const store::NamedReading& reading);
[[nodiscard]] std::string ndjson_row(const store::NamedReading& reading);

[[nodiscard]] std::string shortest(double value);

}  // namespace alona
