#include "alona/export_rows.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "base/csv.h"
#include "store/reading_text.h"

namespace alona {

std::string shortest(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), error == std::errc{} ? end : buffer.data()};
}

std::string csv_row(const store::NamedReading& reading) {
  return fmt::format("{},{},{},{},{},{}\r\n", iso8601(reading.ts), csv_field(reading.node),
                     csv_field(reading.sensor), shortest(reading.value), csv_field(reading.unit),
                     store::quality_text(reading.flags));
}

std::string ndjson_row(const store::NamedReading& reading) {
  const auto text = [](const std::string& value) {
    return boost::json::serialize(boost::json::string_view(value));
  };
  return fmt::format(
      "{{\"time\":\"{}\",\"node\":{},\"sensor\":{},\"value\":{},\"unit\":{},\"quality\":\"{}\"}}\n",
      iso8601(reading.ts), text(reading.node), text(reading.sensor), shortest(reading.value),
      text(reading.unit), store::quality_text(reading.flags));
}

}  // namespace alona
