// The golden transcripts of tests/golden/protocol: example messages and what the decoder makes of them, as
// text that anyone may read. For tests only.
#pragma once

#include <string>
#include <vector>

#include "protocol/decode.h"

namespace alona::protocol {

struct Example {
  std::string where;    // file:line
  std::string comment;  // the lines with "#" before it, as they stand
  std::string topic;
  std::string written;  // the payload as the file has it
  std::string payload;  // \xNN resolved, filled up
  std::size_t fill = 0;
  std::string expected;  // one outcome a line
};

// All examples of all files there, by file name.
std::vector<Example> golden_examples(const std::string& file = {});
std::vector<std::string> golden_files();

// What decode made of it, in the words of the transcripts.
std::string outcome(const std::string& topic, const std::string& payload);

// The block of the file that would expect exactly `outcome`.
std::string block_text(const Example& example, const std::string& outcome);

}  // namespace alona::protocol
