// Inside the ingest only: one message on its way to its commit. Lives as long as take().
#pragma once

#include "ingest/ingest.h"

namespace alona::ingest {

struct Ingest::Arrival {
  const mqtt::Message& message;
  UtcMs received;
  Mono mono;
  NodeState* node = nullptr;
  std::string_view node_id;
  std::uint32_t readings = 1;  // what it counts for in sent = stored + rejected + repeated + pending
  bool replayed = false;       // a bare number that matches the tail: kept, and marked
};

}  // namespace alona::ingest
