#include "room/wear.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <charconv>
#include <sstream>

#include "base/files.h"
#include "base/limits.h"

namespace alona::room {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t counters_bytes_max = 4096;
constexpr std::uint64_t sector_bytes = 512;  // the kernel's unit, whatever the disk's own

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

// The seventh field of the kernel's `stat`: sectors written.
std::optional<std::uint64_t> written_of(const fs::path& stat) {
  const auto text = files::read(stat, counters_bytes_max);
  if (!text) return {};
  std::istringstream fields{*text};
  std::string field;
  for (int i = 0; i < 7; ++i) fields >> field;
  const auto sectors = number(field);
  return fields && sectors ? std::optional{*sectors * sector_bytes} : std::nullopt;
}

class Kernel final : public WearSource {
 public:
  Kernel(fs::path folder, fs::path sys, fs::path proc)
      : folder_(std::move(folder)), sys_(std::move(sys)), proc_(std::move(proc)) {}

  WearSample read() override {
    WearSample now;
    if (auto boot = files::read(proc_ / "sys/kernel/random/boot_id", counters_bytes_max))
      now.boot = boot->substr(0, boot->find('\n'));
    now.process = process();
    now.device = device();
    return now;
  }

 private:
  [[nodiscard]] std::uint64_t process() const {
    const auto text = files::read(proc_ / "self/io", counters_bytes_max);
    if (!text) return 0;
    constexpr std::string_view name = "\nwrite_bytes: ";
    const auto at = text->find(name);
    if (at == std::string::npos) return 0;
    const auto from = at + name.size();
    return number(std::string_view{*text}.substr(from, text->find('\n', from) - from)).value_or(0);
  }

  // A partition's folder lies in its disk's.
  [[nodiscard]] std::optional<WearSample::Device> device() const {
    struct stat known{};
    if (::stat(folder_.c_str(), &known) != 0) return {};
    std::error_code ec;
    fs::path at = fs::canonical(
        sys_ / "dev/block" / fmt::format("{}:{}", major(known.st_dev), minor(known.st_dev)), ec);
    if (ec) return {};
    if (fs::exists(at / "partition", ec)) at = at.parent_path();
    const auto written = written_of(at / "stat");
    if (!written) return {};
    return WearSample::Device{at.filename().string(), *written};
  }

  const fs::path folder_, sys_, proc_;
};

}  // namespace

std::unique_ptr<WearSource> kernel_counters(const fs::path& folder, const fs::path& sys,
                                            const fs::path& proc) {
  return std::make_unique<Kernel>(folder, sys, proc);
}

WearMeter::WearMeter(store::Ledger kept) : base_(std::move(kept.base)) {
  for (const store::WearRow& row : kept.days) days_[row.day] = row;
}

void WearMeter::add(Days& to, const store::WearRow& more) {
  store::WearRow& row = to[more.day];
  row.day = more.day;
  row.process_bytes += more.process_bytes;
  if (more.device_bytes) row.device_bytes = row.device_bytes.value_or(0) + *more.device_bytes;
  row.free_bytes = more.free_bytes;
}

void WearMeter::sample(std::int32_t today, std::uint64_t free, const WearSample& now) {
  store::WearRow more{.day = today, .process_bytes = 0, .device_bytes = {}, .free_bytes = free};
  more.process_bytes = now.process >= process_ ? now.process - process_ : now.process;
  process_ = now.process;
  device_ = now.device ? now.device->name : "";
  if (now.device) {
    const std::uint64_t written = now.device->written;
    const std::string key = now.boot + " " + now.device->name;
    const bool same_disk = base_.key.ends_with(" " + now.device->name);
    if (base_.key == key && written >= base_.counter) {
      more.device_bytes = written - base_.counter;
    } else {
      more.device_bytes = same_disk ? written : 0;
    }
    base_ = {key, written};
  }
  add(days_, more);
  add(new_, more);
  while (days_.size() > static_cast<std::size_t>(limits::ledger_days_shown)) days_.erase(days_.begin());
}

std::vector<store::WearRow> WearMeter::days() const {
  std::vector<store::WearRow> rows;
  for (const auto& [day, row] : days_) rows.push_back(row);
  return rows;
}

std::vector<store::WearRow> WearMeter::take_new() {
  std::vector<store::WearRow> rows;
  for (const auto& [day, row] : new_) rows.push_back(row);
  new_.clear();
  return rows;
}

}  // namespace alona::room
