// Text from strangers: what it holds, and how much of it may be shown. All but character_bytes,
// valid_label and valid_utf8 (decode.h) expect valid UTF-8. Thread-safe; no state.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace alona::protocol {

// The length of the well-formed character at the front (Unicode 15, table 3-7), 0 when there is none. Not of
// an empty text.
[[nodiscard]] std::size_t character_bytes(std::string_view text);

// Unicode characters, not bytes.
[[nodiscard]] std::size_t characters(std::string_view text);

// U+0000–U+001F, U+007F–U+009F: they could move a terminal's cursor or break a line of the journal.
[[nodiscard]] bool has_control(std::string_view text);

// A name or place as people read it: UTF-8, one line, at most limits::label_chars_max characters; may be
// empty.
[[nodiscard]] bool valid_label(std::string_view text);

// At most `bytes_max` bytes from the front, never half a character.
[[nodiscard]] std::string_view clipped(std::string_view text, std::size_t bytes_max);

// In quotes, shortened, each control character as "?": safe in a message, a log line and a page.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace alona::protocol
