// The tables and the steps that made them what they are. An ordered array; user_version is the number of the
// last step taken. Each step is one transaction; a step, once released, never changes.
#pragma once

#include <array>

namespace alona::store {

struct Migration {
  int to = 0;
  const char* why = "";
  const char* sql = "";
};

inline constexpr int application_id = 0x414C4F4E;  // "ALON" in the file's header: frozen
// Small pages. A commit at a trickle writes one page to the WAL, whose frame may touch a second block of the
// file system: one commit in four with 1 KiB, one in eight with 512 bytes. And sealed history packs tightly:
// 730,000 chunks of 2,050 bytes took 3.0 GB with 4 KiB pages, 1.60 with 1 KiB, 1.58 with 512 bytes.
inline constexpr int page_bytes = 512;

inline constexpr auto migrations = std::to_array<Migration>({
    {.to = 1, .why = "first tables", .sql = R"sql(
CREATE TABLE setting (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

CREATE TABLE node (
  no       INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  name     TEXT NOT NULL,
  place    TEXT NOT NULL,
  created  INTEGER NOT NULL,            -- ms UTC, as every time here
  removed  INTEGER NOT NULL DEFAULT 0,
  may_lose INTEGER NOT NULL DEFAULT 0,
  interval INTEGER                      -- learned, ms
) STRICT;

CREATE TABLE series (
  no       INTEGER PRIMARY KEY,
  node     INTEGER NOT NULL REFERENCES node(no),
  sensor   TEXT NOT NULL,
  unit     TEXT NOT NULL,
  label    TEXT NOT NULL,
  decimals INTEGER,
  last_ts    INTEGER,                   -- the latest reading by time, as of the last fold
  last_value REAL,
  last_flags INTEGER,
  UNIQUE (node, sensor, unit)
) STRICT;

-- One packed row a commit (store/commit_record.h), append-only, no index.
CREATE TABLE hot (
  id    INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,               -- earliest and latest time in it
  last  INTEGER NOT NULL,
  n     INTEGER NOT NULL,               -- readings
  data  BLOB NOT NULL
) STRICT;

-- As of the last fold; what is newer lies in hot rows above setting 'folded'.
CREATE TABLE window (
  node   INTEGER NOT NULL REFERENCES node(no),
  boot   INTEGER NOT NULL,
  acked  INTEGER NOT NULL,
  beyond BLOB NOT NULL,                 -- 128 bytes, bit i of byte i / 8 first: acked + 1 + i is settled
  seen   INTEGER NOT NULL,              -- the commit that changed it last
  PRIMARY KEY (node, boot)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_day (
  node INTEGER NOT NULL REFERENCES node(no),
  day  INTEGER NOT NULL,                -- days since 1970-01-01 UTC, of the receipt
  stored INTEGER NOT NULL, rejected INTEGER NOT NULL, repeated INTEGER NOT NULL, corrected INTEGER NOT NULL,
  lost INTEGER NOT NULL, events INTEGER NOT NULL, heartbeats INTEGER NOT NULL,
  PRIMARY KEY (node, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  id INTEGER PRIMARY KEY, node INTEGER NOT NULL REFERENCES node(no), ts INTEGER NOT NULL, flags INTEGER NOT NULL,
  type TEXT NOT NULL, data TEXT NOT NULL
) STRICT;
CREATE TABLE error (
  id INTEGER PRIMARY KEY, node INTEGER NOT NULL REFERENCES node(no), ts INTEGER NOT NULL, flags INTEGER NOT NULL,
  code TEXT NOT NULL, message TEXT NOT NULL
) STRICT;
CREATE TABLE presence (
  id INTEGER PRIMARY KEY, node INTEGER NOT NULL REFERENCES node(no), at INTEGER NOT NULL, state INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) STRICT;
CREATE INDEX presence_of_node ON presence (node, id);

CREATE TABLE reject (
  id     INTEGER PRIMARY KEY,
  node   TEXT NOT NULL,
  topic  TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  payload       BLOB NOT NULL,          -- the first time's, cut at 1 KiB
  payload_bytes INTEGER NOT NULL,       -- before the cut
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL,
  count  INTEGER NOT NULL,              -- times it came
  readings INTEGER NOT NULL             -- what it counts for
) STRICT;
CREATE INDEX reject_of_topic ON reject (topic, reason);

CREATE TABLE user (
  name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, admin INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  token_hash TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES user(name), expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql"},
    {.to = 2, .why = "sealed history", .sql = R"sql(
-- Up to 4,096 readings of one series (store/chunk.h, docs/chunks.md). Those of a series and epoch never
-- overlap.
CREATE TABLE chunk (
  id      INTEGER PRIMARY KEY,
  series  INTEGER NOT NULL REFERENCES series(no),
  start   INTEGER NOT NULL,
  end     INTEGER NOT NULL,             -- of the last reading
  count   INTEGER NOT NULL,
  min     REAL NOT NULL,
  max     REAL NOT NULL,
  sum     REAL NOT NULL,
  damaged INTEGER NOT NULL DEFAULT 0,   -- set aside: shown as a gap
  data    BLOB NOT NULL
) STRICT;
CREATE INDEX chunk_of_series ON chunk (series, start);

CREATE TABLE heartbeat (
  id INTEGER PRIMARY KEY, node INTEGER NOT NULL REFERENCES node(no), ts INTEGER NOT NULL, uptime_s INTEGER NOT NULL,
  rssi_dbm INTEGER NOT NULL, firmware TEXT NOT NULL, heap_bytes INTEGER, lost INTEGER, battery_v REAL,
  reset TEXT NOT NULL
) STRICT;
CREATE INDEX heartbeat_of_node ON heartbeat (node, ts);
)sql"},
    {.to = 3, .why = "true time, gaps, room, proof", .sql = R"sql(
-- The commits, in pages written in place (store/hot_log.h); what table hot held moves into it.
CREATE TABLE log (page INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

-- Time (docs/time.md). A stretch between two changes of the core's clock. Readings timed by that clock carry
-- the number (0: timed by their node, or settled for ever); `shift` moves the whole stretch.
CREATE TABLE clock_epoch (
  no      INTEGER PRIMARY KEY,
  boot    TEXT NOT NULL,                -- the kernel's id of this boot
  source  INTEGER NOT NULL,             -- 0 the floor, 1 a clock chip, 2 a visitor, 3 NTP
  begun   INTEGER NOT NULL,             -- by its own clock, before any shift
  mono    INTEGER NOT NULL,             -- ms of the monotonic clock at that moment
  ended   INTEGER,                      -- the last commit in it, by its own clock; NULL: it goes on
  shift   INTEGER NOT NULL DEFAULT 0,   -- ms to add to its times
  truth   INTEGER NOT NULL DEFAULT 0,   -- 0 none came, 1 of a later boot: shift is a bound, 2 of its own boot
  settled INTEGER NOT NULL DEFAULT 0    -- some of it is sealed as epoch 0: it stays as it is
) STRICT;
ALTER TABLE series ADD COLUMN last_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE error ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE presence ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunk ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunk ADD COLUMN marks INTEGER;  -- the flags of all its readings in one; NULL: not known
DROP INDEX chunk_of_series;
-- All that a chart asks of a chunk before it unpacks it.
CREATE INDEX chunk_of_series ON chunk (series, epoch, start, end, count, min, max, sum, marks, damaged);

-- Gaps.
CREATE TABLE power_event (              -- the newest 10,000
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL,  -- 0 start, 1 stop
  boot  TEXT NOT NULL,                  -- the kernel's id of this boot
  clean INTEGER NOT NULL,               -- a start: the run before it had ended by a stop
  cause TEXT NOT NULL,                  -- a start: why the box was away, 'core' or 'power'; '' the first
  last  INTEGER NOT NULL,               -- a start: the last moment of the run before it
  dark_ms INTEGER                       -- NULL: nobody knows
) STRICT;
CREATE TABLE outage (                   -- nothing could come or be stored; the newest 10,000
  id INTEGER PRIMARY KEY, cause TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER  -- NULL: it lasts
) STRICT;
CREATE TABLE node_boot (                -- when a node was first heard with a new boot number; its newest 1,000
  node INTEGER NOT NULL REFERENCES node(no), at INTEGER NOT NULL, boot INTEGER NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node, at, boot)
) STRICT, WITHOUT ROWID;
ALTER TABLE node ADD COLUMN sleep_ms INTEGER NOT NULL DEFAULT 0;  -- as it last announced

-- Room and wear.
CREATE TABLE write_ledger (             -- by UTC day
  day INTEGER PRIMARY KEY,
  process_bytes INTEGER NOT NULL,       -- written by the core
  device_bytes  INTEGER,                -- by everything on the whole disk; NULL: the kernel doesn't tell
  free_bytes    INTEGER NOT NULL        -- at the day's last look
) STRICT;
ALTER TABLE chunk ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;  -- nothing more to gain (store/thin.h)

-- Proof.
CREATE TABLE check_run (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, whole INTEGER NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE INDEX chunk_set_aside ON chunk (series, start, end) WHERE damaged = 1;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL
) STRICT;
)sql"},
    {.to = 4, .why = "counters that go on when a meter is replaced", .sql = R"sql(
-- From `at` on, `base` is added to each reading of the series before it is stored; of several the latest row
-- counts. None is ever changed, so that what the meter showed can be reckoned back for every reading.
CREATE TABLE counter_base (
  id     INTEGER PRIMARY KEY,
  series INTEGER NOT NULL REFERENCES series(no),
  at     INTEGER NOT NULL,
  epoch  INTEGER NOT NULL,              -- whose clock said `at`
  base   REAL NOT NULL,
  before REAL NOT NULL,                 -- the base until then
  undoes INTEGER                        -- the row that this one takes back
) STRICT;
)sql"},
});

// The step's index is its version less one, so that none is left out.
consteval bool consecutive() {
  for (std::size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].to != static_cast<int>(i) + 1) return false;
  }
  return true;
}
static_assert(consecutive());
inline constexpr int schema_version = migrations.back().to;

}  // namespace alona::store
