// What the core may ask of root, a file each in runtime_dir/request: to set the machine's clock, to restart
// or switch off, to let go of the stick, to install the Alona that is on a stick or to go back from it. A
// path unit of systemd takes it up; a program that runs as root judges it. The folder is there only where
// those units are. The file's name says what; only `clock` has content, which a reader must take for a
// stranger's. No state; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "ops/paths.h"

namespace alona::ops {

enum class Request { clock, restart, power_off, eject, upgrade, roll_back };
[[nodiscard]] std::string_view word(Request request);  // its file's name
[[nodiscard]] std::optional<Request> parse_request(std::string_view word);

// Whether somebody takes requests up here: the package's units do, all of them or none.
[[nodiscard]] bool takes_requests(const Paths& paths);

// Written beside and renamed, on a file system of memory. refused: nobody here takes requests up.
[[nodiscard]] Result<void> put_request(const Paths& paths, Request request, std::string_view content = {});
// Takes it away and says what it held. A link, a folder, another user's file or a long one is none.
// not_found: there is none. refused: it is none, or one of more than a minute ago, which nobody waits for.
[[nodiscard]] Result<std::string> take_request(const Paths& paths, Request request, UtcMs now);

// The content of a request for the clock: the time, and the monotonic clock when it was that time.
[[nodiscard]] std::string clock_text(UtcMs utc, Mono mono);
// What time it is now. usage: no such text, or no time that a clock should be set to.
[[nodiscard]] Result<UtcMs> time_in(std::string_view clock_text, Mono now);

}  // namespace alona::ops
