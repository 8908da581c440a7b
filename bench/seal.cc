// Makes a database of the readings on standard input, as `readings` prints them, all of them sealed.
//   seal FILE SERIES
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "base/limits.h"
#include "must.h"
#include "store/checksum_vfs.h"
#include "store/database.h"
#include "store/shelf.h"
#include "store/writer.h"

namespace {
using namespace alona;
using namespace alona::store;

void make_catalog(const std::filesystem::path& file, int series) {
  Writer writer = must(Writer::open(file, Open::create));
  Batch batch;
  batch.nodes.push_back({.no = NodeNo{1}, .id = "node"});
  for (int i = 1; i <= series; ++i)
    batch.series.push_back(
        {.no = SeriesNo{i}, .node = NodeNo{1}, .sensor = fmt::format("s{}", i), .unit = "1"});
  (void)must(writer.commit(batch));
  must(writer.fold({}, UtcMs{}));
}

void seal(const std::filesystem::path& file, int series_max) {
  make_catalog(file, series_max);
  const auto db = open_writer(file.string(), must(checksum_vfs({})));
  db->exec("PRAGMA synchronous=OFF");
  std::map<int, Columns> open;
  ChunkCodec codec;
  {
    SQLite::Transaction transaction{*db};
    Shelf shelf{*db};
    const auto put = [&](int series, Columns& columns) {
      columns.flags.assign(columns.ts.size(), 0);
      shelf.put(SeriesNo{series}, must(codec.encode(SeriesNo{series}, columns)));
      columns = {};
    };
    int series = 0;
    std::int64_t ts = 0;
    std::string value;
    while (std::cin >> series >> ts >> value) {
      Columns& columns = open[series];
      columns.ts.push_back(ts), columns.values.push_back(std::stod(value));
      if (columns.ts.size() == limits::chunk_readings_max) put(series, columns);
    }
    for (auto& [rest_of, columns] : open) {
      if (!columns.ts.empty()) put(rest_of, columns);
    }
    transaction.commit();
  }
  db->exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::ios::sync_with_stdio(false);
  try {
    seal(argv[1], std::stoi(argv[2]));
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
