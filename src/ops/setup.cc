#include "ops/setup.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/files.h"
#include "base/limits.h"
#include "ops/backup_timer.h"
#include "ops/broker_files.h"
#include "ops/own_folders.h"
#include "ops/paths.h"
#include "ops/users.h"
#include "store/reader.h"
#include "store/writer.h"

namespace alona::ops {
namespace {
namespace fs = std::filesystem;

class Setup {
 public:
  Setup(const Config& config, const SetupOptions& options, SetupReport& report)
      : config_(config), paths_(config), options_(options), report_(report) {}

  Result<void> run() {
    for (const auto step : {&Setup::no_links, &Setup::folders, &Setup::broker_logins, &Setup::broker_rules,
                            &Setup::database, &Setup::admin, &Setup::hand_over_live, &Setup::backup_time}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    return {};
  }

 private:
  void say(bool changed, std::string what) { report_.steps.push_back({std::move(what), changed}); }

  // Before anything is written: root would write wherever a link of the core's user leads.
  Result<void> no_links() {
    for (const auto& path : {paths_.database().parent_path(), paths_.broker(),
                             paths_.check_password(probe_user).parent_path()}) {
      if (auto none = no_link_below(paths_.data(), path); !none) return none;
    }
    return {};
  }

  Result<void> folders() {
    struct Folder {
      fs::path path;
      mode_t mode;
    };
    const fs::path data = paths_.data();
    // The broker's folder is set-gid: what we put there takes its group, which the package makes the
    // broker's.
    const auto wanted = std::to_array<Folder>({{data, 0750},
                                               {paths_.live(), 0755},
                                               {paths_.database().parent_path(), 0750},
                                               {paths_.broker(), 02750},
                                               {paths_.check_password(probe_user).parent_path(), 0700},
                                               {data / "backups", 0750},
                                               {data / "health", 0750},
                                               {data / "quarantine", 0750},
                                               {data / "bundles", 0750},
                                               {paths_.runtime(), 0755}});
    bool changed = false;
    for (const auto& [path, mode] : wanted) {
      std::error_code unseen;  // then making it says why
      if (fs::is_directory(path, unseen)) continue;
      if (auto made = files::make_folder(path, 0755); !made) return made;
      // After the fact, for the umask takes bits away and mkdir gives no set-gid.
      const fs::path& top = path == paths_.runtime() ? path : data;
      if (auto set = set_mode(top, path, mode); !set) return set;
      changed = true;
    }
    say(changed, fmt::format("folders below {}", data.string()));
    return {};
  }

  // The password in the file, made where there is none.
  Result<std::string> kept_password(const fs::path& path, mode_t mode) {
    auto password = files::read(path, limits::password_bytes_max);
    if (password) {
      while (password->ends_with('\n')) password->pop_back();
      if (!password->empty()) return password;
    } else if (password.error().code != Errc::not_found) {
      return password;
    }
    if (auto folder = files::make_folder(path.parent_path(), 0755); !folder)
      return std::unexpected(folder.error());
    std::string made = new_password();
    if (auto kept = files::replace(path, made + "\n", mode); !kept) return std::unexpected(kept.error());
    say(true, fmt::format("a broker password in {}", path.string()));
    return made;
  }

  Result<void> broker_logins() {
    const auto lock = files::Lock::take(paths_.broker_lock());
    if (!lock) return std::unexpected(lock.error());
    auto passwords = BrokerPasswords::read(paths_.broker_passwords());
    if (!passwords) return std::unexpected(passwords.error());
    struct Login {
      std::string user;
      fs::path file;
      mode_t mode;
    };
    std::vector<Login> wanted{{config_.mqtt.user, config_.mqtt.password_file, 0640}};
    for (const std::string_view user : {canary_user, probe_user, doctor_user, witness_user})
      wanted.push_back({std::string(user), paths_.check_password(user), 0600});
    bool changed = false;
    for (const auto& [user, file, mode] : wanted) {
      const auto password = kept_password(file, mode);
      if (!password) return std::unexpected(password.error());
      if (passwords->matches(user, *password)) continue;
      passwords->set(user, *password);
      changed = true;
    }
    say(changed, fmt::format("the broker's logins in {}", paths_.broker_passwords().string()));
    report_.broker_must_reload |= changed;
    return changed ? passwords->write(paths_.broker_passwords()) : Result<void>{};
  }

  // A file of ours whose text is known: written when it differs.
  Result<bool> keep_text(const fs::path& path, const std::string& text) {
    const auto now = files::read(path, limits::broker_files_bytes_max);
    if (now && *now == text) return false;
    if (!now && now.error().code != Errc::not_found) return std::unexpected(now.error());
    if (auto kept = files::replace(path, text, 0640); !kept) return std::unexpected(kept.error());
    return true;
  }

  Result<void> broker_rules() {
    const auto acl = keep_text(paths_.broker_acl(), broker_acl());
    if (!acl) return std::unexpected(acl.error());
    say(*acl, fmt::format("the broker's rules in {}", paths_.broker_acl().string()));
    const std::string conf = broker_conf({.listen = {},
                                          .port = config_.mqtt.port,
                                          .passwords = paths_.broker_passwords(),
                                          .acl = paths_.broker_acl(),
                                          .persistence = {}});
    const auto written = keep_text(paths_.broker() / "alona.conf", conf);
    if (!written) return std::unexpected(written.error());
    say(*written,
        fmt::format("a configuration for the broker in {}", (paths_.broker() / "alona.conf").string()));
    report_.broker_must_reload |= *acl || *written;
    return {};
  }

  Result<void> database() {
    std::error_code unseen;
    const bool there = fs::exists(paths_.database(), unseen);
    if (unseen) {
      return fail(Errc::io,
                  fmt::format("cannot look for {}: {}", paths_.database().string(), unseen.message()),
                  "Run it as root.");
    }
    if (!there) {
      const auto made = store::Writer::open(paths_.database(), store::Open::create);
      if (!made) return std::unexpected(made.error());
    }
    say(!there, fmt::format("the database {}", paths_.database().string()));
    return {};
  }

  // The reader is gone before a writer is opened: the last one to close the database must be the writer,
  // which takes its log home; what is left of it looks like an unclean end.
  [[nodiscard]] Result<std::optional<store::UserRow>> known_admin() const {
    auto reader = store::Reader::open(paths_.database());
    if (!reader) return std::unexpected(reader.error());
    return reader->user(options_.admin);
  }

  [[nodiscard]] Result<void> keep(const store::UserRow& user, const std::string& password) const {
    const auto asked = options_.ask_core ? options_.ask_core(user.name, password) : Result<bool>{false};
    if (!asked) return std::unexpected(asked.error());
    if (*asked) return {};
    auto writer = store::Writer::open(paths_.database(), store::Open::existing);
    if (!writer) return std::unexpected(writer.error());
    return writer->put_user(user);
  }

  Result<void> admin() {
    if (options_.admin.empty()) return {};
    const auto user = known_admin();
    if (!user) return std::unexpected(user.error());
    if (user->has_value()) {
      say(false, fmt::format("the page's user {}", options_.admin));
      return {};
    }
    const std::string password = options_.password.value_or(readable_password());
    const auto row = make_user(options_.admin, password);
    if (!row) return std::unexpected(row.error());
    if (auto kept = keep(*row, password); !kept) return kept;
    if (!options_.password) report_.new_password = password;
    say(true, fmt::format("the page's user {}", options_.admin));
    return {};
  }

  // Run by root on a box where the data belong to the user alona: what we made is theirs. Groups stay as they
  // are.
  Result<void> hand_over_live() {
    struct stat data{};
    if (::geteuid() != 0 || ::stat(paths_.data().c_str(), &data) != 0 || data.st_uid == 0) return {};
    return hand_over(paths_.data(), paths_.live(), data.st_uid);
  }

  Result<void> backup_time() {
    if (options_.backup_timer.empty()) return {};
    const auto changed = keep_backup_time(options_.backup_timer, config_.backup.at);
    if (!changed) return std::unexpected(changed.error());
    say(*changed, fmt::format("the time of the daily backup, {}", time_text(config_.backup.at)));
    return {};
  }

  const Config& config_;
  Paths paths_;
  const SetupOptions& options_;
  SetupReport& report_;
};

}  // namespace

bool SetupReport::changed() const { return std::ranges::any_of(steps, &SetupStep::changed); }

Result<void> set_up(const Config& config, const SetupOptions& options, SetupReport& report) {
  return Setup{config, options, report}.run();
}

}  // namespace alona::ops
