// Any bytes, in pieces of any size, as a file to import: what is taken keeps the rules, and the line that
// says it again is read the same.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "base/limits.h"
#include "ingest/import_text.h"
#include "protocol/decode.h"
#include "protocol/topic.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace alona;
  if (size < 2) return 0;
  ingest::ImportFormat format;
  const std::uint8_t how = data[0];
  if ((how & 1) != 0) format.zone = std::chrono::minutes{60};
  if ((how & 2) != 0) format.separator = ';';
  if ((how & 4) != 0 && !ingest::add_map(format, "time=Datum,value=Wert,node=:a,sensor=:b,unit=:C"))
    std::abort();
  const std::size_t piece = 1 + data[1];
  const std::string_view text{reinterpret_cast<const char*>(data) + 2, size - 2};
  ingest::ImportText parser{
      format,
      {.reading =
           [](const store::NamedReading& r) {
             const bool good = protocol::valid_node_id(r.node) && protocol::valid_name(r.sensor) &&
                               !r.unit.empty() && protocol::valid_utf8(r.unit) && std::isfinite(r.value) &&
                               std::abs(r.value) <= limits::value_abs_max && count(r.ts) >= 0 &&
                               count(r.ts) < limits::ts_end_ms;
             if (!good) std::abort();
           },
       .refused =
           [](const ingest::ImportRefusal& refusal) {
             if (refusal.line == 0 || refusal.what.empty() || !protocol::valid_utf8(refusal.what))
               std::abort();
           }}};
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!parser.feed(text.substr(at, piece))) break;
  }
  parser.finish();
  return 0;
}
