#include "alona/dpkg.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "alona/capture.h"
#include "alona/cli.h"
#include "base/fd.h"
#include "base/files.h"

namespace alona {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
// Unpacking onto an old card, and the scripts of the package.
constexpr auto install_max = 600s;
constexpr const char* program = "/usr/bin/alona";

// Held by apt while it works, and by dpkg itself. As apt does, asked of the kernel.
constexpr auto locks = std::to_array<const char*>({"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"});

// Its process; nothing: nobody's.
std::optional<pid_t> holder_of(const char* lock) {
  const Fd fd{::open(lock, O_RDONLY | O_CLOEXEC)};
  if (fd.get() < 0) return std::nullopt;
  struct flock held{};
  held.l_type = F_WRLCK;
  held.l_whence = SEEK_SET;
  const int asked = ::fcntl(fd.get(), F_GETLK, &held);  // NOLINT(cppcoreguidelines-pro-type-vararg)
  return asked == 0 && held.l_type != F_UNLCK ? std::optional{held.l_pid} : std::nullopt;
}

std::string name_of(pid_t process) {
  std::string name = files::read(fmt::format("/proc/{}/comm", process)).value_or("");
  while (name.ends_with('\n')) name.pop_back();
  return name.empty() ? "another program" : fmt::format("{}, process {},", printable(name), process);
}

std::string last_lines(const std::string& text) {
  std::size_t at = text.size();
  for (int lines = 0; lines < 4 && at != std::string::npos && at > 0; ++lines) at = text.rfind('\n', at - 1);
  return at == std::string::npos || at == 0 ? text : text.substr(at + 1);
}

Result<std::string> done(const std::vector<std::string>& command, Ms at_most = 120s) {
  auto ran = run_to_end(command, at_most);
  if (!ran) return std::unexpected(ran.error());
  if (ran->exit_code == 0) return std::move(ran->text);
  return fail(Errc::failed, fmt::format("{} {}: {}", command[0], command[1], last_lines(ran->text)));
}

class Dpkg : public backup::Packages {
 public:
  explicit Dpkg(std::string config_file) : config_file_(std::move(config_file)) {}

  Result<backup::Package> look(const fs::path& file) override {
    const auto fields =
        done({"dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture}", file.string()});
    // Its name alone: where a stick is mounted says nothing to who plugged it in.
    if (!fields)
      return fail(Errc::corrupt,
                  fmt::format("{} isn't a Debian package, or is damaged", file.filename().string()),
                  "Copy it again. Nothing was changed.");
    // Reads it to its end.
    if (auto whole = done({"dpkg-deb", "--contents", file.string()}); !whole)
      return fail(Errc::corrupt, fmt::format("{} is damaged", file.filename().string()),
                  "Copy it again. Nothing was changed.");
    return parsed(*fields);
  }
  Result<backup::Package> installed() override {
    const auto fields =
        done({"dpkg-query", "--show", "--showformat=${Package} ${Version} ${Architecture}", "alona"});
    if (fields) return parsed(*fields);
    return fail(Errc::refused, "Alona wasn't installed as a package here, so there is nothing to upgrade",
                "Install one with `sudo dpkg --install FILE`.");
  }
  Result<int> compare(const std::string& a, const std::string& b) override {
    for (const auto& [word, order] : {std::pair{"lt", -1}, {"eq", 0}, {"gt", 1}}) {
      const auto ran = run_to_end({"dpkg", "--compare-versions", a, word, b});
      if (!ran) return std::unexpected(ran.error());
      if (ran->exit_code == 0) return order;
    }
    return fail(Errc::failed, fmt::format("dpkg can't compare {} and {}", a, b));
  }
  std::string release() override {
    const auto text = files::read("/etc/os-release", std::size_t{1} << 16);
    constexpr std::string_view key = "VERSION_ID=";
    std::istringstream lines{text.value_or("")};
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(key)) continue;
      line.erase(0, key.size());
      std::erase(line, '"');
      return line;
    }
    return {};
  }
  Result<void> available() override {
    for (const char* lock : locks) {
      const auto holder = holder_of(lock);
      if (!holder) continue;
      return fail(Errc::temporary, fmt::format("{} installs packages just now ({})", name_of(*holder), lock),
                  "Wait until it has ended, and try again. Nothing was changed.");
    }
    return {};
  }
  Result<void> fits(const fs::path& file) override {
    const auto ran = run_to_end({"apt-get", "--simulate", "--no-download", "--no-install-recommends",
                                 "--allow-downgrades", "install", fs::absolute(file).string()});
    if (!ran) return std::unexpected(ran.error());
    std::string others;
    std::istringstream lines{ran->text};
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words{line};
      std::string what, name;
      if (words >> what >> name && what == "Inst" && name != "alona") others += " " + name;
    }
    if (ran->exit_code == 0 && others.empty()) return {};
    return fail(Errc::refused,
                others.empty()
                    ? fmt::format("{} can't be installed here: {}", file.string(), last_lines(ran->text))
                    : fmt::format("{} needs other packages first:{}", file.string(), others),
                "The field kit has all it needs: run `sudo sh install` there. Nothing was changed.");
  }
  Result<void> install(const fs::path& file) override { return configured({"--install", file.string()}); }
  bool settled() override {
    const auto status =
        done({"dpkg-query", "--show", "--showformat=${db:Status-Status} ${db:Status-Eflag}", "alona"});
    return status && *status == "installed ok";
  }
  Result<void> complete() override { return configured({"--configure", "--pending"}); }
  Result<std::string> step_back() override {
    return done({program, "--config", config_file_, "upgrade", "--step-back"}, install_max);
  }

 private:
  // dpkg, which asks nobody anything.
  static Result<void> configured(const std::vector<std::string>& what) {
    // Root's upgrade has one thread; the core, which only looks, never comes here.
    ::setenv("DEBIAN_FRONTEND", "noninteractive", 1);  // NOLINT(concurrency-mt-unsafe)
    std::vector<std::string> command{"dpkg", "--force-confdef", "--force-confold"};
    command.insert(command.end(), what.begin(), what.end());
    if (const auto output = done(command, install_max); !output) return std::unexpected(output.error());
    return {};
  }
  static Result<backup::Package> parsed(const std::string& fields) {
    backup::Package package;
    std::istringstream words{fields};
    if (words >> package.name >> package.version >> package.architecture) return package;
    return fail(Errc::corrupt, fmt::format("dpkg says \"{}\" of a package", fields));
  }
  const std::string config_file_;
};

}  // namespace

std::unique_ptr<backup::Packages> dpkg_packages(std::string config_file) {
  return std::make_unique<Dpkg>(std::move(config_file));
}

}  // namespace alona
