// The journal. Lines go to stderr; under systemd each starts with its priority (sd-daemon(3)), on a terminal
// with the time. spdlog does the work: call spdlog::info, warn, error directly after init.
#pragma once

#include <spdlog/spdlog.h>

namespace alona::log {

// Once, before the first line. `journald`: stderr leads to the journal (JOURNAL_STREAM is set).
void init(bool journald);

}  // namespace alona::log
