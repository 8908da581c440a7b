// `alona demo`: all of Alona on this machine, private and for a while: a real broker, the core, three
// simulated nodes. Everything lies in one folder, everything listens on 127.0.0.1 alone, and nothing is left
// when it ends.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>

#include "alona/child.h"
#include "alona/cli.h"
#include "base/files.h"
#include "ops/broker_files.h"
#include "ops/provisioning.h"
#include "ops/setup.h"
#include "store/writer.h"

namespace alona {
namespace {
namespace fs = std::filesystem;

constexpr std::uint16_t page_port_default = 4000;
constexpr auto start_max = Ms{30'000};  // a slow card's first start
constexpr auto start_look = Ms{50};

struct Options {
  std::string folder;
  std::string ready_file;
  int port = -1;  // -1: 4000, or a free one when that is taken; 0: a free one
};

struct DemoNode {
  const char *id, *name, *place;
};
// In the order in which the simulator deals out its models.
constexpr auto demo_nodes = std::to_array<DemoNode>(
    {{"cabin", "Cabin", "house"}, {"well", "Well", "garden"}, {"meter", "Energy meter", "house"}});

// The demo's folder, removed with all that is in it unless somebody named it.
class Folder {
 public:
  static Result<std::unique_ptr<Folder>> make(const std::string& named) {
    if (!named.empty()) {
      if (auto made = files::make_folder(fs::absolute(named), 0700); !made)
        return std::unexpected(made.error());
      return std::unique_ptr<Folder>(new Folder(fs::absolute(named), false));
    }
    std::string name = (fs::temp_directory_path() / "alona-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      return fail(Errc::io, fmt::format("cannot make a folder {}", name));
    return std::unique_ptr<Folder>(new Folder(name, true));
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (ours_) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  Folder(fs::path path, bool ours) : path_(std::move(path)), ours_(ours) {}
  fs::path path_;
  bool ours_;
};

Result<std::uint16_t> page_port(int wanted) {
  if (wanted > 0) {
    const auto port = static_cast<std::uint16_t>(wanted);
    if (port_answers(port)) {
      return fail(Errc::refused, fmt::format("something listens on port {} already", port),
                  "Choose another with --port, or any free one with --port 0.");
    }
    return port;
  }
  if (wanted < 0 && !port_answers(page_port_default)) return page_port_default;
  return free_port();
}

std::string broker_program() {
  // Debian keeps it where a user's PATH doesn't look.
  return fs::exists("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";
}

class Demo {
 public:
  Demo(Context& context, Options options) : context_(context), options_(std::move(options)) {}

  Result<void> run() {
    catch_signals();
    for (const auto step : {&Demo::prepare, &Demo::make_nodes, &Demo::start_broker, &Demo::start_core,
                            &Demo::start_nodes, &Demo::tell}) {
      if (auto done = (this->*step)(); !done) return done;
      if (stop_asked_) return {};
    }
    return watch();
  }
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;
  ~Demo() {
    // The nodes first, so that nothing waits for a core that has gone; the broker last.
    while (!children_.empty()) children_.pop_back();
    if (signals_ >= 0) ::close(signals_);
    if (changes_ >= 0) ::close(changes_);
  }

 private:
  void catch_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  Result<void> prepare() {
    auto folder = Folder::make(options_.folder);
    if (!folder) return std::unexpected(folder.error());
    folder_ = std::move(*folder);
    const auto broker = free_port();
    if (!broker) return std::unexpected(broker.error());
    const auto page = page_port(options_.port);
    if (!page) return std::unexpected(page.error());
    page_port_ = *page;
    config_file_ = folder_->path() / "alona.toml";
    const std::string text = fmt::format(
        "[core]\ndata_dir = '{0}/data'\nruntime_dir = '{0}/run'\nsite = \"Demo\"\n[mqtt]\nport = {1}\n"
        "password_file = '{0}/mqtt-password'\n[web]\nlisten = \"127.0.0.1:{2}\"\n",
        folder_->path().string(), *broker, page_port_);
    if (auto written = files::replace(config_file_, text, 0600); !written) return written;
    auto config = ops::load_config(config_file_, true);
    if (!config) return std::unexpected(config.error());
    config_ = std::move(*config);
    ops::SetupReport report;
    if (auto set = ops::set_up(config_, {}, report); !set) return set;
    password_ = report.new_password.value_or("");
    return {};
  }

  // Before the broker starts, so there is nothing to prove: it reads these files first thing.
  Result<void> make_nodes() {
    const ops::Paths paths{config_};
    ops::Provisioner provisioner{paths, {.host = config_.mqtt.host, .port = config_.mqtt.port}};
    auto writer = store::Writer::open(paths.database(), store::Open::existing);
    if (!writer) return std::unexpected(writer.error());
    auto state = writer->load();
    if (!state) return std::unexpected(state.error());
    store::Batch batch;
    batch.received = SystemClock{}.utc();
    std::string credentials;
    for (const DemoNode& node : demo_nodes) {
      const auto password = provisioner.grant(node.id);
      if (!password) return std::unexpected(password.error());
      credentials += fmt::format("{} {}\n", node.id, *password);
      auto row = ops::plan_add(state->nodes, {.id = node.id, .name = node.name, .place = node.place},
                               config_.limits.nodes, batch.received);
      if (!row) continue;  // a folder used again: it is there
      state->nodes.push_back(*row);
      batch.nodes.push_back(std::move(*row));
    }
    if (!batch.empty()) {
      if (const auto receipt = writer->commit(batch); !receipt) return std::unexpected(receipt.error());
    }
    return files::replace(folder_->path() / "credentials", credentials, 0600);
  }

  Result<void> start(const std::string& name, const std::vector<std::string>& arguments) {
    auto child = Child::start(name, arguments, folder_->path() / (name + ".log"));
    if (!child) return std::unexpected(child.error());
    children_.push_back(std::move(*child));
    return {};
  }

  Result<void> start_broker() {
    const ops::Paths paths{config_};
    const fs::path state = folder_->path() / "broker";
    if (auto made = files::make_folder(state, 0700); !made) return made;
    const std::string conf = ops::broker_conf({.listen = "127.0.0.1",
                                               .port = config_.mqtt.port,
                                               .passwords = paths.broker_passwords(),
                                               .acl = paths.broker_acl(),
                                               .persistence = state,
                                               .run_as_root = ::geteuid() == 0});
    const fs::path file = folder_->path() / "mosquitto.conf";
    if (auto written = files::replace(file, conf, 0600); !written) return written;
    changes_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (changes_ < 0 || ::inotify_add_watch(changes_, paths.broker().c_str(), IN_MOVED_TO) < 0) {
      return fail(Errc::failed, fmt::format("cannot watch {}", paths.broker().string()));
    }
    if (auto started = start("broker", {broker_program(), "-c", file.string()}); !started) {
      return fail(started.error().code, started.error().what, "Install it with `apt install mosquitto`.");
    }
    return listening(config_.mqtt.port);
  }

  Result<void> start_core() {
    const std::string self = fs::read_symlink("/proc/self/exe").string();
    if (auto started = start("core", {self, "core", "--config", config_file_.string()}); !started)
      return started;
    return listening(page_port_);
  }

  Result<void> start_nodes() {
    const std::string self = fs::read_symlink("/proc/self/exe").string();
    return start("nodes", {self, "sim", "--host", "127.0.0.1", "--port", std::to_string(config_.mqtt.port),
                           "--nodes", std::to_string(demo_nodes.size()), "--credentials",
                           (folder_->path() / "credentials").string()});
  }

  // A port that begins to answer gives no sign, so it is asked; each look also notices a child that has
  // ended.
  Result<void> listening(std::uint16_t port) {
    const auto deadline = std::chrono::steady_clock::now() + start_max;
    while (!port_answers(port)) {
      if (auto alive = all_alive(); !alive) return alive;
      if (std::chrono::steady_clock::now() > deadline) {
        return fail(Errc::failed, fmt::format("{} doesn't listen on port {}", children_.back().name(), port),
                    children_.back().last_words());
      }
      take_signals(start_look);
      if (stop_asked_) return {};
    }
    return {};
  }

  Result<void> all_alive() {
    for (Child& child : children_) {
      if (child.running()) continue;
      return fail(Errc::failed,
                  fmt::format("the demo's {} has ended by itself; its last words:", child.name()),
                  child.last_words());
    }
    return {};
  }

  Result<void> tell() {
    const std::string url = fmt::format("http://127.0.0.1:{}/", page_port_);
    const boost::json::object ready{{"url", url},
                                    {"user", "admin"},
                                    {"password", password_},
                                    {"mqtt_port", config_.mqtt.port},
                                    {"config", config_file_.string()},
                                    {"folder", folder_->path().string()},
                                    {"pid", ::getpid()}};
    const std::string json = boost::json::serialize(ready) + "\n";
    if (context_.json) {
      fmt::print("{}", json);
    } else {
      fmt::print(
          "\nAlona runs, with {} simulated nodes.\n\n  page      {}\n  user      admin\n  password  {}\n",
          demo_nodes.size(), bold(url),
          bold(password_.empty() ? "(as when this folder was new)" : password_));
      fmt::print("\nAnother shell: alona status --config {}\nCtrl-C ends it{}.\n", config_file_.string(),
                 options_.folder.empty() ? " and leaves nothing" : "");
    }
    std::fflush(stdout);
    // Last, and by rename: whoever waits for it finds it whole.
    return options_.ready_file.empty() ? Result<void>{}
                                       : files::replace(fs::absolute(options_.ready_file), json, 0600);
  }

  void take_signals(Ms wait) {
    pollfd waiting{signals_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(wait.count())) <= 0) return;
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != static_cast<unsigned>(SIGCHLD)) stop_asked_ = true;
    }
  }

  // What a path unit does on a real box: a password file that was replaced is read again.
  void reload_broker() {
    alignas(inotify_event) std::array<char, 4096> buffer{};
    bool changed = false;
    while (::read(changes_, buffer.data(), buffer.size()) > 0) changed = true;
    if (changed) children_.front().signal(SIGHUP);
  }

  Result<void> watch() {
    std::array<pollfd, 2> waiting{{{signals_, POLLIN, 0}, {changes_, POLLIN, 0}}};
    while (!stop_asked_) {
      if (auto alive = all_alive(); !alive) return alive;
      if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
      take_signals(Ms{0});
      reload_broker();
    }
    if (!context_.json) fmt::print("\nEnding.\n");
    return {};
  }

  Context& context_;
  Options options_;
  std::unique_ptr<Folder> folder_;
  ops::Config config_;
  fs::path config_file_;
  std::string password_;
  std::uint16_t page_port_ = 0;
  std::vector<Child> children_;  // the broker first
  int signals_ = -1, changes_ = -1;
  bool stop_asked_ = false;
};

}  // namespace

void add_demo_command(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("demo", "All of Alona on this machine with simulated nodes; Ctrl-C ends it");
  const auto options = std::make_shared<Options>();
  command->add_option("--port", options->port, "The page's port (default 4000 or a free one; 0: a free one)")
      ->check(CLI::Range(0, 65535));
  command->add_option("--dir", options->folder,
                      "Keep everything in this folder (default: one that is removed)");
  command->add_option("--ready-file", options->ready_file,
                      "Write address and login there, as JSON, once all runs");
  command->footer("Example:\n  alona demo --port 8080");
  command->callback([&context, options] {
    Demo demo{context, *options};
    if (const auto done = demo.run(); !done) context.end(done.error());
  });
}

}  // namespace alona
