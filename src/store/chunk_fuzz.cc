// Any bytes behind a right checksum either decode or are said to be damaged; what decodes can be sealed
// again.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "base/hash.h"
#include "store/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace alona::store;
  static ChunkCodec codec;
  static Columns out;
  constexpr SeriesNo series{7};
  std::vector<std::uint8_t> bytes(data, data + size);
  if (bytes.size() >= 5) {
    const std::array<std::uint8_t, 8> number{7};
    const std::uint32_t sum = alona::crc32c(std::span(bytes).subspan(5), alona::crc32c(number));
    bytes[0] = 1;
    std::memcpy(bytes.data() + 1, &sum, sizeof sum);
  }
  if (!codec.decode(series, bytes, out)) return 0;
  const Columns decoded = out;
  const bool ascends = std::ranges::adjacent_find(decoded.ts, std::greater_equal{}) == decoded.ts.end();
  if (ascends && !codec.encode(series, decoded)) std::abort();
  return 0;
}
