// The doctor's chapters on the disk's promise and on the time.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "alona/doctor.h"

namespace alona::doctor {
namespace {

using namespace std::chrono_literals;
using Micro = std::chrono::microseconds;
// A flash card needs a millisecond or more, a good SSD with a power-safe cache about 100 us; below 50 us on
// average nothing but memory has answered.
constexpr Micro too_fast = 50us, too_slow = 500ms;
constexpr int rounds = 16;
constexpr Ms time_max = 5s;  // a dying card must not hold us up

struct Timed {
  Micro mean{};
  int error = 0;
};

// A file of 4 KiB, written and synced again and again, and gone afterwards.
Timed time_syncs(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return {{}, errno};
  std::array<char, 4096> block{};
  Timed timed;
  const auto begin = std::chrono::steady_clock::now();
  auto now = begin;
  int done = 0;
  while (done < rounds && now - begin < time_max && timed.error == 0) {
    block.fill(static_cast<char>('a' + done));
    const bool good =
        ::pwrite(fd, block.data(), block.size(), 0) == static_cast<ssize_t>(block.size()) && ::fsync(fd) == 0;
    if (!good) timed.error = errno != 0 ? errno : EIO;
    now = std::chrono::steady_clock::now();
    ++done;
  }
  timed.mean = std::chrono::duration_cast<Micro>(now - begin) / done;
  ::close(fd);
  ::unlink(file.c_str());
  return timed;
}

}  // namespace

Checks disk(const Patient& patient) {
  struct statfs about{};
  const auto& data = patient.paths.data();
  if (::statfs(data.c_str(), &about) == 0 && (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC))
    return {note("fsync", fmt::format("{} lies in memory: nothing in it survives a power cut", data.string()),
                 "Right for a trial; else set [core] data_dir to a folder on the disk.")};
  const Timed timed = time_syncs(data / "health" / fmt::format("fsync-{}", ::getpid()));
  if (timed.error == EACCES || timed.error == EPERM)
    return {unknown("fsync", "only root and the user alona may write there")};
  if (timed.error != 0)
    return {failing("fsync",
                    fmt::format("writing 4 KiB and syncing them failed: {}",
                                std::generic_category().message(timed.error)),
                    "`dmesg` tells of disk errors; [writable] in the runbook.")};
  const std::string seen = fmt::format("4 KiB are synced in {} us on average", timed.mean.count());
  if (timed.mean < too_fast)
    return {note("fsync", seen + ": so fast that the disk, or the virtual machine, may only say so",
                 "On a virtual machine, have its disk pass flushes through (cache mode \"writethrough\" or "
                 "\"none\"); on "
                 "a machine of its own, a disk with power-loss protection is as fast and all is well.")};
  if (timed.mean > too_slow)
    return {note("fsync", seen + ": very slow",
                 "A card that is worn out, or a disk that is busy: `sudo iotop -ao`, `dmesg`.")};
  return {ok("fsync", seen)};
}

// The core has told already when it doubts its clock; without a core the kernel is asked. A time zone that
// the machine doesn't know is refused with the configuration.
Checks clock(const Patient& patient) {
  if (patient.clock.trusted()) return {ok("clock", "time zone " + patient.config.core.timezone)};
  return {note("clock", "the kernel doesn't know whether the clock is right: no time server is reached",
               "`timedatectl` shows it. The page, System, sets it from a phone; from a computer whose clock "
               "is right: ssh BOX sudo alona clock $(date -u +%FT%TZ)")};
}

}  // namespace alona::doctor
