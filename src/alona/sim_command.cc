#include "alona/sim_command.h"

#include <atomic>
#include <csignal>
#include <iostream>
#include <memory>

#include "sim/sim.h"

namespace alona {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // or no signal handler could touch it

struct Command {
  sim::SimOptions options;
  std::string start;
};

void add_faults(CLI::App& sim, sim::Faults& faults) {
  const auto group = "Faults (chances 0 to 1 a message, or times an hour a node)";
  sim.add_option("--drop-wifi", faults.drop_wifi_per_hour, "times an hour that the link goes for 2 to 30 s")
      ->group(group);
  sim.add_option("--reboot", faults.reboot_per_hour,
                 "times an hour that a node restarts and loses its memory")
      ->group(group);
  sim.add_option("--clock-wrong", faults.clock_wrong, "chance of a node to have its clock off by years")
      ->group(group);
  sim.add_option("--bad-payload", faults.bad_payload, "chance to send a broken message beside a good one")
      ->group(group);
  sim.add_option("--duplicate", faults.duplicate, "chance to publish a message twice")->group(group);
  sim.add_option("--qos0", faults.qos0, "chance to publish at QoS 0, which may lose")->group(group);
}

void add_broker(CLI::App& sim, sim::SimOptions& options) {
  sim.add_option("--host", options.host, "the broker, by name or address")->capture_default_str();
  sim.add_option("--address", options.address,
                 "its address, for when the name isn't known; the one that worked last goes before it");
  sim.add_option("--port", options.port, "its port")->capture_default_str();
  sim.add_option("--user", options.user, "user of all nodes; none: anonymous");
  sim.add_option("--password-file", options.password_file, "a file whose first line is the password");
  sim.add_option("--credentials", options.credentials_file,
                 "a file of lines \"node_id password\", one a node");
  sim.add_option("--node-id", options.node_id, "the id of a single node");
}

void run(Command& command, int& exit_code) {
  if (!command.start.empty()) {
    command.options.start = parse_iso8601(command.start);
    if (!command.options.start) {
      std::cerr << "alona sim: --start '" << command.start << "' is no time\nWrite YYYY-MM-DD[THH:MM:SS].\n";
      exit_code = alona::exit_code(Errc::usage);
      return;
    }
  }
  struct sigaction action{};
  action.sa_handler = [](int) { stop = true; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  exit_code = sim::run_sim(command.options, stop, std::cout);
}

}  // namespace

void add_sim_command(CLI::App& app, int& exit_code) {
  CLI::App* sim = app.add_subcommand("sim", "simulated nodes, or a recording played back, over a broker");
  const auto command = std::make_shared<Command>();
  sim::SimOptions& options = command->options;
  add_broker(*sim, options);
  sim->add_option("--nodes", options.nodes, "how many nodes")->capture_default_str();
  sim->add_option("--kind", options.kind, "environment, well, meter or mixed")->capture_default_str();
  sim->add_option("--seed", options.seed, "of the models and the faults")->capture_default_str();
  sim->add_option("--speed", options.speed,
                  "simulated seconds a second; 0: as fast as acknowledgements allow")
      ->capture_default_str();
  sim->add_option("--start", command->start,
                  "the first simulated instant, UTC; of a recording: earlier rows are left out");
  sim->add_option("--duration", options.duration_s,
                  "simulated seconds; 0: until stopped or the recording's end");
  sim->add_option("--rate", options.rate, "rows a simulated second and node; 0: the kind's own");
  sim->add_option("--messages", options.messages,
                  "ends after so many readings of all nodes together; 0: no end");
  sim->add_option("--series", options.series, "benchmark: so many plain series spread over the nodes");
  sim->add_option("--replay", options.replay, "a CSV file: time first, then columns sensor_unit");
  sim->add_option("--map", options.map, "column=sensor:unit, for columns of a recording; may be repeated");
  sim->add_option("--ring", options.ring, "readings a node holds in memory; 0: 2,730, at speed 0 32,768");
  sim->add_flag("--single", options.single, "one reading a message, whatever waits");
  sim->add_flag("--plain", options.plain, "without boot and seq, as a simple node does");
  sim->add_option("--drain", options.drain_s,
                  "after the end wait so many seconds for acknowledgements; 0: no limit");
  sim->add_flag("--json", options.json, "the sums as one line of JSON");
  add_faults(*sim, options.faults);
  sim->footer("Example:\n  alona sim --host alona.local --nodes 3 --credentials nodes.txt");
  sim->callback([command, &exit_code] { run(*command, exit_code); });
}

}  // namespace alona
