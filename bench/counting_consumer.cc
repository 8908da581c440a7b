// The least that a QoS 1 consumer can do: count. What the core is measured against.
//   counting_consumer PORT USER PASSWORD MESSAGES
#include "consumer.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  alona::bench::Consumer consumer{alona::bench::login_of(argv), std::stoull(argv[4]),
                                  [](const mosquitto_message&) {}};
  consumer.run();
}
