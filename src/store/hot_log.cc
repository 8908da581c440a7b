#include "store/hot_log.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>

#include "store/checksum_vfs.h"
#include "store/database.h"
#include "store/pack.h"

namespace alona::store {
namespace {

constexpr std::uint32_t page_header_bytes = 8;
constexpr std::uint64_t first_page = 1;  // rows not used yet say 0
constexpr std::uint64_t rows_min = 64;

// What lies beside the data in a page that holds one row: page header 8, cell pointer 2, cell header, record
// header; SQLite keeps up to usable - 35 bytes of a row in the page itself.
std::uint32_t row_bytes_of(SQLite::Database& db) {
  const int page = db.execAndGet("PRAGMA page_size").getInt();
  return static_cast<std::uint32_t>(page - page_seal_bytes - 35 - 4);
}

std::uint64_t number_of(std::span<const std::uint8_t> row) {
  std::uint64_t number = 0;
  std::memcpy(&number, row.data(), 6);
  return number;
}

}  // namespace

std::uint64_t log_page_number(std::span<const std::uint8_t> row) {
  return row.size() > page_header_bytes ? number_of(row) : 0;
}

namespace {

std::uint16_t first_of(std::span<const std::uint8_t> row) {
  std::uint16_t first = 0;
  std::memcpy(&first, row.data() + 6, sizeof first);
  return first;
}

// The record at `at`, without its length; moves `at` behind it. Nothing: a part of it is damaged, and `at` is
// the page to look on from.
std::optional<std::span<const std::uint8_t>> record_at(LogPages& pages, LogPlace& at,
                                                       std::vector<std::uint8_t>& gathered) {
  const auto row = pages.data();
  Unpacker u{row.subspan(at.offset)};
  const std::uint64_t bytes = u.varint();
  const std::size_t begin = row.size() - u.left();
  if (bytes <= u.left()) {
    at.offset = static_cast<std::uint32_t>(begin + bytes);
    return row.subspan(begin, bytes);
  }
  gathered.assign(row.begin() + static_cast<std::ptrdiff_t>(begin), row.end());
  while (gathered.size() < bytes) {
    ++at.page;
    at.offset = 0;
    if (!pages.load(at.page) || pages.data().empty()) return std::nullopt;
    const auto more = pages.data().subspan(page_header_bytes);
    const std::size_t take = std::min(more.size(), static_cast<std::size_t>(bytes) - gathered.size());
    gathered.insert(gathered.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(take));
    at.offset = static_cast<std::uint32_t>(page_header_bytes + take);
  }
  return std::span<const std::uint8_t>{gathered};
}

// The entry that `bytes` begin with, and what is left: the packed commit.
std::span<const std::uint8_t> read_header(std::span<const std::uint8_t> bytes, LogEntry& entry) {
  Unpacker u{bytes};
  entry.id = static_cast<std::int64_t>(u.varint());
  const std::int64_t first = u.zigzag();
  const std::uint64_t span = u.varint();
  entry.readings = static_cast<std::uint32_t>(u.varint());
  const auto record = u.bytes(u.left());
  entry.received = receipt_of(record);
  entry.first = utc_ms(plus(count(entry.received), first));
  entry.last = utc_ms(plus(count(entry.first), static_cast<std::int64_t>(span)));
  return record;
}

}  // namespace

// ---- pages ----

LogPages::LogPages(SQLite::Database& db)
    : select_(std::in_place, db, "SELECT data FROM log WHERE page = ?"),
      rows_(static_cast<std::uint64_t>(
          db.execAndGet("SELECT coalesce(max(page) + 1, 0) FROM log").getInt64())) {}

LogPages::LogPages(Found found)
    : found_(std::move(found)),
      rows_(found_.empty() ? 0 : found_.rbegin()->first - found_.begin()->first + 1) {}

bool LogPages::load_found(std::uint64_t number) {
  if (found_.empty() || number > found_.rbegin()->first) return false;
  const auto at = found_.find(number);
  data_ = at == found_.end() ? std::vector<std::uint8_t>{} : at->second;
  loaded_ = number;
  return true;
}

bool LogPages::load(std::uint64_t number) {
  if (loaded_ == number) return true;
  if (!select_) return load_found(number);
  if (rows_ == 0) return false;
  loaded_.reset();
  data_.clear();
  try {
    select_->bind(1, static_cast<std::int64_t>(number % rows_));
    const bool there = select_->executeStep();
    if (there) {
      const auto row = blob(select_->getColumn(0));
      data_.assign(row.begin(), row.end());
    }
    select_->reset();
    if (!there || data_.size() <= page_header_bytes || number_of(data_) != number) return false;
  } catch (const SQLite::Exception& e) {
    select_->tryReset();
    if (e.getExtendedErrorCode() != SQLITE_IOERR_DATA) throw;
    data_.clear();
  }
  loaded_ = number;
  return true;
}

// ---- the walk ----

LogWalk::LogWalk(SQLite::Database& db) : pages_(db), from_(setting(db, "log_from")) {
  begun_ = std::max(static_cast<std::uint64_t>(setting(db, "log_page")), first_page);
  at_ = {begun_, 0};
}

LogWalk::LogWalk(LogPages pages, std::uint64_t begun, std::int64_t from)
    : pages_(std::move(pages)), from_(from), begun_(begun), at_{begun, 0} {}

// True: a record begins at at_. Else at_ is where the next one may.
bool LogWalk::find_record() {
  LogPlace room = at_;
  while (at_.page - begun_ < pages_.rows()) {
    const bool there = pages_.load(at_.page);
    // Where the log ends, the row behind it is of the last round. If not, this one is damaged.
    if (!there && !(at_.page + 1 - begun_ < pages_.rows() && pages_.load(at_.page + 1))) break;
    const auto row = pages_.data();
    if (!there || row.empty()) {
      lost_ = true;
      room = at_ = {at_.page + 1, 0};
      continue;
    }
    if (at_.offset == 0) at_.offset = first_of(row);
    if (at_.offset != 0 && at_.offset < row.size() && row[at_.offset] != 0) return true;
    const bool some_room = at_.offset != 0 && at_.offset < row.size();
    room = some_room ? at_ : LogPlace{at_.page + 1, 0};
    at_ = {at_.page + 1, 0};
  }
  at_ = room;
  return false;
}

bool LogWalk::next() {
  while (find_record()) {
    const LogPlace begin = at_;
    const auto bytes = record_at(pages_, at_, gathered_);
    if (!bytes) {
      lost_ = true;
      continue;
    }
    record_ = read_header(*bytes, entry_);
    if (entry_.id < from_) continue;
    entry_.at = begin;
    entry_.after_loss = std::exchange(lost_, false);
    return true;
  }
  return false;
}

// ---- the writer's ----

HotLog::HotLog(SQLite::Database& db, const std::function<void(const LogWalk&)>& each)
    : db_(db),
      row_bytes_(row_bytes_of(db)),
      update_(db, "UPDATE log SET data = ? WHERE page = ?"),
      insert_(db, "INSERT INTO log (page, data) VALUES (?, zeroblob(?))") {
  LogWalk walk{db};
  tail_page_ = walk.end().page;
  while (walk.next()) {
    entries_.push_back(walk.entry());
    each(walk);
  }
  lost_at_end_ = walk.lost();
  pages_.emplace(db);
  rows_ = pages_->rows();
  head_.at = walk.end();
  if (head_.at.offset != 0 && pages_->load(head_.at.page))
    head_.data.assign(pages_->data().begin(), pages_->data().end());
}

// SQLite replaces a row by one of the same size in its place.
void HotLog::write_page() {
  update_.bindNoCopy(1, head_.data.data(), static_cast<int>(head_.data.size()));
  update_.bind(2, static_cast<std::int64_t>(head_.at.page % rows_));
  update_.exec();
  update_.reset();
}

void HotLog::begin_page() {
  if (!head_.data.empty()) ++head_.at.page;
  if (pages() > rows_) grow();
  head_.at.offset = page_header_bytes;
  head_.data.assign(row_bytes_, 0);
  std::memcpy(head_.data.data(), &head_.at.page, 6);
}

// Twice the rows: a page stays where it is, or moves into the new half.
void HotLog::grow() {
  const std::uint64_t had = rows_;
  rows_ = std::max(rows_min, 2 * had);
  for (std::uint64_t row = had; row < rows_; ++row) {
    insert_.bind(1, static_cast<std::int64_t>(row));
    insert_.bind(2, static_cast<int>(row_bytes_));
    insert_.exec();
    insert_.reset();
  }
  if (had == 0) return;
  SQLite::Statement copy{db_, "UPDATE log SET data = (SELECT data FROM log WHERE page = ?1) WHERE page = ?2"};
  for (std::uint64_t page = tail_page_; page < head_.at.page; ++page) {
    if (page % rows_ == page % had) continue;
    copy.bind(1, static_cast<std::int64_t>(page % had));
    copy.bind(2, static_cast<std::int64_t>(page % rows_));
    copy.exec();
    copy.reset();
  }
}

void HotLog::put(std::span<const std::uint8_t> bytes) {
  while (true) {
    const std::size_t n = std::min(bytes.size(), head_.data.size() - head_.at.offset);
    std::memcpy(head_.data.data() + head_.at.offset, bytes.data(), n);
    head_.at.offset += static_cast<std::uint32_t>(n);
    write_page();
    bytes = bytes.subspan(n);
    if (bytes.empty()) return;
    begin_page();
  }
}

void HotLog::append(std::int64_t id, const Batch& batch, const CommitRecord& record) {
  before_ = head_;
  rows_before_ = rows_;
  LogEntry& entry =
      entries_.emplace_back(LogEntry{.id = id,
                                     .received = batch.received,
                                     .first = record.first,
                                     .last = record.last,
                                     .readings = static_cast<std::uint32_t>(batch.readings.size())});
  std::vector<std::uint8_t> header;
  Packer h{header};
  h.varint(static_cast<std::uint64_t>(id));
  h.zigzag(minus(count(record.first), count(batch.received)));
  h.varint(static_cast<std::uint64_t>(minus(count(record.last), count(record.first))));
  h.varint(entry.readings);
  packed_.clear();
  Packer p{packed_};
  p.varint(header.size() + record.bytes.size());
  p.bytes(header);
  p.bytes(record.bytes);
  if (head_.data.empty() || head_.at.offset + packed_.size() > row_bytes_) begin_page();
  if (first_of(head_.data) == 0) {
    const auto first = static_cast<std::uint16_t>(head_.at.offset);
    std::memcpy(head_.data.data() + 6, &first, sizeof first);
  }
  entry.at = head_.at;
  put(packed_);
  pages_->forget(rows_);
}

void HotLog::undo() {
  head_ = std::move(before_);
  rows_ = rows_before_;
  pages_->forget(rows_);
  entries_.pop_back();
}

void HotLog::drop_to(std::int64_t id) {
  while (!entries_.empty() && entries_.front().id <= id) entries_.pop_front();
  tail_page_ = entries_.empty() ? head_.at.page : entries_.front().at.page;
  put_setting(db_, "log_from", id + 1);
  put_setting(db_, "log_page", static_cast<std::int64_t>(tail_page_));
}

std::span<const std::uint8_t> HotLog::read(const LogEntry& entry) {
  LogPlace at = entry.at;
  if (!pages_->load(at.page) || pages_->data().empty()) return {};
  const auto bytes = record_at(*pages_, at, gathered_);
  LogEntry ignored;
  return bytes ? read_header(*bytes, ignored) : std::span<const std::uint8_t>{};
}

void put_setting(SQLite::Database& db, const char* name, std::int64_t value) {
  SQLite::Statement put{db, "INSERT OR REPLACE INTO setting VALUES (?,?)"};
  put.bind(1, name);
  put.bind(2, value);
  put.exec();
}

std::int64_t setting(SQLite::Database& db, const char* name) {
  SQLite::Statement query{db, "SELECT value FROM setting WHERE name = ?"};
  query.bind(1, name);
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

}  // namespace alona::store
