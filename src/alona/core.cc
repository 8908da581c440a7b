// `alona core`: a table of contents of the process. The main thread starts and stops the others in order,
// handles signals, and feeds systemd's watchdog only while all of them turn.
#include "alona/core.h"

#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

#include "alona/backups_known.h"
#include "alona/core_backend.h"
#include "alona/proof.h"
#include "alona/rescue.h"
#include "alona/version.h"
#include "backup/exchange.h"
#include "base/files.h"
#include "ingest/service.h"
#include "mqtt/client.h"
#include "ops/admitted.h"
#include "ops/paths.h"
#include "ops/saved_time.h"
#include "store/facts.h"
#include "store/reader.h"
#include "web/assets.h"
#include "web/server.h"
#include "web/store_archive.h"

#include <poll.h>

namespace alona {
namespace {

// A thread that hasn't turned for so long is stuck; the watchdog's 30 s then end the process.
constexpr auto stuck_after = std::chrono::seconds{10};

Result<ingest::ServiceOptions> service_options(const ops::Config& config, const ops::Paths& paths) {
  auto password = files::read(config.mqtt.password_file, 4096);
  if (!password) {
    password.error().code = Errc::config;
    password.error().next =
        "It is the core's password at the broker. `alona setup` makes it; [mqtt] password_file says where.";
    return std::unexpected(password.error());
  }
  while (!password->empty() && (password->back() == '\n' || password->back() == '\r')) password->pop_back();
  ingest::ServiceOptions options;
  options.mqtt = {.host = config.mqtt.host,
                  .port = config.mqtt.port,
                  .user = config.mqtt.user,
                  .password = std::move(*password),
                  .client_id = config.mqtt.client_id,
                  .clean_session = false,
                  .will = {}};
  options.ingest = {.commit_interval = config.storage.commit_interval,
                    .nodes_max = config.limits.nodes,
                    .series_max = config.limits.series,
                    .discovery = config.limits.discovery,
                    .admitted = ops::Admitted{paths.broker_passwords()}};
  options.program_version = version;
  std::vector<std::unique_ptr<room::Droppable>> droppables;
  droppables.push_back(room::whole_folder(paths.data() / "quarantine"));
  options.room = std::make_shared<room::Keeper>(
      room::Keeper::Parts{room::data_disk(paths.data()), room::kernel_counters(paths.data()),
                          std::move(droppables)},
      room::KeeperOptions{.folder = paths.data().string(),
                          .contract = {.reserve = config.storage.reserve_bytes,
                                       .used_max_percent = config.health.disk_used_max_percent},
                          .thin_after = config.storage.thin_after});
  return options;
}

Result<web::WebOptions> web_options(const ops::Config& config, const ops::Paths& paths) {
  const auto listen = ops::parse_listen(config.web.listen);
  if (!listen) return std::unexpected(listen.error());
  web::WebOptions options;
  options.address = listen->host;
  options.port = listen->port;
  options.unix_socket = paths.core_socket();
  options.allowed_hosts = config.web.allowed_hosts;
  options.public_read = config.web.public_read;
  options.accept_browser = config.time.accept_browser;
  options.session_days = config.web.session_days;
  options.site = config.core.site;
  options.timezone = config.core.timezone;
  options.zone = Zone::load(config.core.timezone);  // no other thread runs yet
  options.version = version;
  options.libraries = {{"sqlite", store::sqlite_version()}, {"libmosquitto", mqtt::library_version()}};
  return options;
}

// SIGTERM and SIGINT as something to poll; blocked for every thread started later.
int block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &set, SFD_CLOEXEC);
}

// Met by the writer: then the next start must look after it, whatever it sees itself.
struct Damage {
  const std::filesystem::path database;
  std::atomic<bool> found = false;
  void note(const Error* why) {
    if (why == nullptr || why->code != Errc::corrupt || found.exchange(true)) return;
    if (auto marked = store::mark_damaged(database, why->what); !marked)
      spdlog::error("{}", marked.error().text());
  }
};

void save_time(const ops::SavedTime& saved, const Clock& clock) {
  if (auto written = saved.write(clock.utc()); !written)
    spdlog::warn("the time can't be saved: {}", written.error().text());
}

// Until a signal comes, or damage is met. Saves the time now and then. Feeds the watchdog only while the
// writer and the web thread turn.
void watch(int signals, const ingest::Service& writer, const web::WebServer& web, const Damage& damage,
           const Clock& clock, const ops::SavedTime& saved) {
  Mono next_save = clock.mono() + limits::time_save_interval;
  std::uint64_t rounds = writer.rounds();
  Mono turned = clock.mono();
  while (true) {
    pollfd fd{signals, POLLIN, 0};
    if (::poll(&fd, 1, 1000) > 0 || damage.found) return;
    const Mono now = clock.mono();
    if (now >= next_save) {
      next_save = now + limits::time_save_interval;
      save_time(saved, clock);
    }
    if (std::exchange(rounds, writer.rounds()) != writer.rounds()) turned = now;
    const bool alive = now - turned < stuck_after && now - web.last_turn() < stuck_after;
    if (alive) {
      sd_notify(0, "WATCHDOG=1");
    } else {
      spdlog::error("{} is stuck", now - turned < stuck_after ? "the web thread" : "the writer");
    }
  }
}

// A restore that a power cut ended is finished or undone before anything looks at the data.
Result<void> after_restore(const ops::Paths& paths) {
  const auto recovered = backup::recover_restore(paths);
  if (!recovered) return std::unexpected(recovered.error());
  if (*recovered)
    spdlog::warn("the restore of {} was cut short; it is {} now", (*recovered)->set,
                 (*recovered)->finished ? "finished" : "undone");
  return {};
}

Result<void> serve(const CoreOptions& options) {
  const SystemClock machine;
  HouseClock clock{machine};  // the core's own time, which its writer keeps
  const ops::Paths paths{options.config};
  if (auto whole = after_restore(paths); !whole) return whole;
  const ops::SavedTime saved{paths.saved_time()};
  auto with_writer = service_options(options.config, paths);
  if (!with_writer) return std::unexpected(with_writer.error());
  with_writer->ingest.house = &clock;
  with_writer->ingest.saved_time = [&saved] { return saved.read(); };
  const auto with_web = web_options(options.config, paths);
  if (!with_web) return std::unexpected(with_web.error());
  const int signals = block_signals();
  auto opened = open_or_rescue(options, paths, *with_web, signals, clock);
  if (!opened) return std::unexpected(opened.error());
  if (!*opened) return {};  // asked to end meanwhile
  store::Opened& database = **opened;

  web::WebServer* page = nullptr;
  Damage damage{paths.database()};
  ingest::Service writer{
      std::move(database.writer),
      machine,
      std::move(*with_writer),
      {.started =
           [&](const ingest::Ingest& i) {
             page->post_start(i.everything(), i.readings_stored(), i.intervals());
           },
       .changed = [&](std::shared_ptr<const store::Batch> batch) { page->post(std::move(batch)); },
       .broker = [&](bool connected) { page->post_broker(connected); },
       .storing =
           [&](const Error* why) {
             damage.note(why);
             page->post_storing(why);
           },
       .room = [&](std::shared_ptr<const room::Picture> disk) { page->post_room(std::move(disk)); }}};
  if (auto prepared = writer.prepare(); !prepared) return prepared;
  std::optional<BackupRunner> backups{std::in_place, options.config, options.config_file, clock};
  std::optional<BundleRunner> bundles{std::in_place, options.config_file};
  std::optional<CoreBackend> backend{std::in_place, writer, options.config, clock, *backups, *bundles};
  auto web =
      web::WebServer::start(*with_web, clock, *backend, web::store_archive(paths.database()), web::assets());
  if (!web) return std::unexpected(web.error());
  page = web->get();

  std::thread writing{[&] { writer.run(); }};
  std::optional<Proof> proof{
      std::in_place,
      paths,
      writer,
      *page,
      clock,
      Proof::Start{database.unclean, database.damaged, options.config.backup.second_target,
                   box_since(options.config.mqtt.password_file)}};
  backups->tell(*page);
  backend->on_checked([&] { proof->look_again(); });
  sd_notify(0, "READY=1");
  spdlog::info("alona {} serves {} on {}", version, paths.database().string(), options.config.web.listen);
  watch(signals, writer, **web, damage, clock, saved);

  sd_notify(0, "STOPPING=1");
  spdlog::info("stopping");
  (*web)->stop();   // no more questions
  backend.reset();  // nor changes
  backups.reset();
  bundles.reset();
  writer.stop();
  writing.join();
  proof.reset();
  save_time(saved, clock);
  ::close(signals);
  if (!damage.found) return {};
  return fail(
      Errc::failed, "the database is damaged and was left as it is",
      "The next start keeps it aside and goes on with what can be read; systemd starts it by itself.");
}

}  // namespace

int core_command(const CoreOptions& options) {
  // Two arenas are enough for three threads; glibc would make eight a core and keep what each once needed.
  ::mallopt(M_ARENA_MAX, 2);  // NOLINT(concurrency-mt-unsafe): there is one thread yet
  // What is large goes back when it is freed, such as a sealing pass; left alone, glibc raises this bar for
  // good.
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);  // NOLINT(concurrency-mt-unsafe)
  const auto served = serve(options);
  if (served) return 0;
  spdlog::error("{}", served.error().text());
  return exit_code(served.error().code);
}

}  // namespace alona
