// What one writes first: a row and a commit a message, into a table with an index, SQLite at FULL.
//   naive_writer PORT USER PASSWORD MESSAGES DATABASE
#include <sqlite3.h>

#include "consumer.h"

namespace {

sqlite3* open(const char* path) {
  sqlite3* db = nullptr;
  constexpr const char* prepare =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE IF NOT EXISTS reading (topic TEXT, at REAL, payload TEXT);"
      "CREATE INDEX IF NOT EXISTS reading_of_topic ON reading (topic, at);";
  if (sqlite3_open(path, &db) != SQLITE_OK ||
      sqlite3_exec(db, prepare, nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(db));
  return db;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  sqlite3* db = open(argv[5]);
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO reading VALUES (?, julianday('now'), ?)", -1, &insert, nullptr);
  alona::bench::Consumer consumer{alona::bench::login_of(argv), std::stoull(argv[4]),
                                  [&](const mosquitto_message& message) {
                                    sqlite3_bind_text(insert, 1, message.topic, -1, SQLITE_STATIC);
                                    sqlite3_bind_text(insert, 2, static_cast<const char*>(message.payload),
                                                      message.payloadlen, SQLITE_STATIC);
                                    if (sqlite3_step(insert) != SQLITE_DONE)
                                      throw std::runtime_error(sqlite3_errmsg(db));
                                    sqlite3_reset(insert);
                                  }};
  consumer.run();
  sqlite3_finalize(insert);
  sqlite3_close(db);
}
