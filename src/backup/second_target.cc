#include "backup/second_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <vector>

#include "backup/stick.h"
#include "base/files.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view label_mark = "label:";
constexpr Ms reader_patience{30'000};
constexpr std::size_t mountinfo_bytes_max = std::size_t{4} << 20;

// As udev names its links.
std::string link_name(std::string_view label) {
  std::string name;
  for (const char c : label) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::strchr("#+-.:=@_", c) != nullptr || static_cast<unsigned char>(c) >= 0x80;
    name += plain ? std::string{c} : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return name;
}

// mountinfo writes a space as \040.
std::string unescaped(std::string_view text) {
  std::string out;
  const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// Runs a program without a shell; its last words when it fails.
Result<void> run(std::vector<std::string> words) {
  std::array<int, 2> out{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return fail(Errc::io, "cannot make a pipe");
  const Fd from{out[0]};
  Fd to{out[1]};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language = "LC_ALL=C";
  std::array<char*, 3> environment{path.data(), language.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDERR_FILENO);
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  to = Fd{-1};
  if (error != 0)
    return fail(Errc::failed,
                fmt::format("cannot run {}: {}", words[0], std::generic_category().message(error)));
  std::string said;
  std::array<char, 512> piece{};
  ssize_t n = 0;
  while ((n = ::read(from.get(), piece.data(), piece.size())) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0 && said.size() < 2000) said.append(piece.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return fail(Errc::failed, fmt::format("{} failed: {}", words[0], said.empty() ? "no reason given" : said));
}

std::unexpected<Error> absent(std::string what) {
  return fail(Errc::not_found, std::move(what),
              "Plug it in, then `sudo alona backup copy`; or change [backup] second_target.");
}

Result<void> mount_stick(const fs::path& device, const fs::path& at, std::string_view label) {
  if (::geteuid() != 0)
    return fail(
        Errc::not_found,
        fmt::format("the stick labelled {} is plugged in ({}) but not mounted, and only root may mount it",
                    label, device.string()),
        "Run it with sudo, or mount the stick where this user can write.");
  if (auto made = files::make_folder(at, 0700); !made) return made;
  auto mounted = run({"mount", "-o", "rw,nosuid,nodev,noexec", "--", device.string(), at.string()});
  if (!mounted) {
    mounted.error().what =
        fmt::format("the stick labelled {} can't be mounted: {}", label, mounted.error().what);
    mounted.error().next = "Look at it with `lsblk -f` and `dmesg`; it may need a new file system.";
  }
  return mounted;
}

Result<Fd> open_folder(const fs::path& path) {
  Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (fd.get() >= 0) return fd;
  const int error = errno;
  if (error == ENOENT || error == ENOTDIR)
    return absent(fmt::format("the second target {} {}; a folder that isn't there is never made",
                              path.string(), error == ENOENT ? "isn't there" : "is no folder"));
  return file_error("open the second target", path, error);
}

}  // namespace

std::optional<fs::path> mounted_at(std::string_view mountinfo, dev_t device, const fs::path& path) {
  std::optional<fs::path> found;
  const std::string number = fmt::format("{}:{}", major(device), minor(device));
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    const auto words = words_of(mountinfo.substr(0, end));
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 7 || dash - words.begin() < 6 || words.end() - dash < 3) continue;
    const bool it = words[2] == number || unescaped(dash[2]) == path.string();
    // Only a part of it may be mounted somewhere (a bind mount): that isn't the stick.
    if (it && words[3] == "/") found = unescaped(words[4]);  // the last one lies on top
  }
  return found;
}

namespace {
struct Stick {
  fs::path device;
  std::optional<fs::path> mounted;
};
Result<Stick> find_stick(std::string_view label, const Devices& devices) {
  std::error_code ec;
  const fs::path device = fs::canonical(devices.by_label / link_name(label), ec);
  struct stat about{};
  if (ec || ::stat(device.c_str(), &about) != 0 || !S_ISBLK(about.st_mode))
    return absent(fmt::format("no stick labelled {} is plugged in", label));
  const auto mounts = files::read(devices.mountinfo, mountinfo_bytes_max);
  if (!mounts) return std::unexpected(mounts.error());
  return Stick{device, mounted_at(*mounts, about.st_rdev, device)};
}
}  // namespace

Result<SecondTarget> SecondTarget::open(const std::string& target, const fs::path& runtime_dir,
                                        const Devices& devices) {
  if (target.empty())
    return fail(Errc::config, "no second target is configured",
                "Set [backup] second_target to a folder, or to \"label:NAME\" of a USB stick.");
  if (!target.starts_with(label_mark)) {
    auto fd = open_folder(target);
    if (!fd) return std::unexpected(fd.error());
    return SecondTarget{std::move(*fd), target, {}, Fd{-1}};
  }
  const auto stick = find_stick(std::string_view{target}.substr(label_mark.size()), devices);
  if (!stick) return std::unexpected(stick.error());
  const fs::path ours = runtime_dir / "second";
  auto at = stick->mounted;
  Fd held{-1};
  if (!at) {
    // Whoever looks for a package or a backup on it has it mounted for reading, and only he sees that.
    if (::geteuid() == 0) {
      auto hold = hold_stick(stick->device, StickUse::writes, reader_patience);
      if (!hold) return std::unexpected(hold.error());
      held = std::move(*hold);
    }
    if (auto mounted = mount_stick(stick->device, ours, target.substr(label_mark.size())); !mounted)
      return std::unexpected(mounted.error());
    at = ours;
  }
  // One of ours that was killed may have left it mounted.
  const Mounted by_us{*at == ours ? ours : fs::path{}};
  auto fd = open_folder(*at);
  if (!fd) {
    if (!by_us.at.empty()) (void)run({"umount", "--", ours.string()});
    return std::unexpected(fd.error());
  }
  return SecondTarget{std::move(*fd), *at, by_us.at, std::move(held)};
}

SecondTarget::~SecondTarget() {
  if (ours_.at.empty()) return;
  fd_ = Fd{-1};
  // What was written is synced already. When it can't be unmounted, the next one finds it mounted.
  (void)run({"umount", "--", ours_.at.string()});
}

fs::path SecondTarget::folder() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

std::string SecondTarget::told(std::string text) const {
  const std::string ours = folder().string() + "/", known = (shown_ / "").string();
  for (std::size_t at = 0; (at = text.find(ours, at)) != std::string::npos; at += known.size())
    text.replace(at, ours.size(), known);
  return text;
}

Error SecondTarget::told(Error error) const {
  error.what = told(std::move(error.what));
  return error;
}

bool SecondTarget::same_disk(const fs::path& other) const {
  struct stat here{}, there{};
  return ::fstat(fd_.get(), &here) == 0 && ::stat(other.c_str(), &there) == 0 && here.st_dev == there.st_dev;
}

bool SecondTarget::same_folder(const fs::path& other) const {
  struct stat here{}, there{};
  return ::fstat(fd_.get(), &here) == 0 && ::stat(other.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

Result<void> let_go_of_stick(const std::string& target, const Devices& devices) {
  if (!target.starts_with(label_mark))
    return fail(Errc::config, "the second target is no stick",
                "Set [backup] second_target to \"label:NAME\".");
  std::error_code ec;
  auto stick = find_stick(std::string_view{target}.substr(label_mark.size()), devices);
  for (int mounts = 0; stick && stick->mounted && mounts < 8; ++mounts) {
    auto gone = run({"umount", "--", stick->mounted->string()});
    if (!gone)
      return fail(Errc::temporary, "the stick is in use: " + gone.error().what, "Try again in some minutes.");
    stick = find_stick(std::string_view{target}.substr(label_mark.size()), devices);
  }
  if (!stick) return std::unexpected(stick.error());
  {
    // Whoever has it mounted for himself alone, as a copy that is under way has, keeps it from us.
    const Fd fd{::open(stick->device.c_str(), O_RDWR | O_EXCL | O_CLOEXEC)};
    if (fd.get() < 0)
      return fail(Errc::temporary, "the stick is in use: a copy may be under way",
                  "Try again in some minutes.");
    if (::fsync(fd.get()) != 0) return file_error("write the last of", stick->device, errno);
  }
  const fs::path block = fs::canonical(fs::path{"/sys/class/block"} / stick->device.filename(), ec);
  for (const fs::path& disk : {block, block.parent_path()}) {
    if (fs::exists(disk / "device/delete", ec)) std::ofstream{disk / "device/delete"} << "1";
  }
  return {};
}

}  // namespace alona::backup
