// The head of an answer as text, with the headers that every answer carries.
#pragma once

#include <string>

#include "http/message.h"

namespace alona::http {

struct HeadFacts {
  unsigned version = 11;  // of the request
  bool keep_alive = true;
};

// Status line, headers and the empty line. Sets Content-Length or Transfer-Encoding after what the answer's
// body is.
[[nodiscard]] std::string head_text(const Response& response, HeadFacts facts);

}  // namespace alona::http
