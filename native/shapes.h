#pragma once
// The dtype and the sizes of a tensor that is not there yet.

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

#include "entries.h"

namespace xpmir {

struct Shape {
  c10::ScalarType dtype;
  std::vector<int64_t> sizes;
  uint64_t bytes;
};

// Arguments `dtype, ndim` from `index` on; the sizes stand in the buffer.
Shape shape_argument(State& state, const Napi::CallbackInfo& info, size_t index);

}  // namespace xpmir
