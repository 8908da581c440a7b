// The file systems of USB sticks, and who may use one: as many as like to read it, or one that writes. The
// kernel lets nobody mount for writing what another has mounted read-only, nor the other way round, and a
// sandbox hides what is mounted in it; so whoever mounts a stick holds its device. No state; any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "backup/archive.h"
#include "base/error.h"
#include "base/time.h"

namespace alona::backup {

// Held while the returned one is open, and let go however the process ends. temporary: the other kind of use
// lasted longer than `patience`.
enum class StickUse { reads, writes };
[[nodiscard]] Result<Fd> hold_stick(const std::filesystem::path& device, StickUse use, Ms patience);

// The devices of what is plugged in, by udev's names for USB disks (`usb-…` in `by_id`), each once, at most
// 16: the partitions, or the disk itself where it has none. Not whether anybody has them mounted.
[[nodiscard]] std::vector<std::filesystem::path> plugged_in(
    const std::filesystem::path& by_id = "/dev/disk/by-id");

}  // namespace alona::backup
