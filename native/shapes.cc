#include "shapes.h"

namespace xpmir {

Shape shape_argument(State& state, const Napi::CallbackInfo& info, size_t index) {
  const auto& named = state.strings.at(number_argument(info, index, "dtype"));
  if (!named.dtype) throw ArgumentError("ERR_ARGUMENT", "Expected a dtype for dtype but received " + named.text);
  const int64_t ndim = integer_argument(info, index + 1, "ndim", 0, 64);
  Shape shape{*named.dtype, {}, c10::elementSize(*named.dtype)};
  for (int64_t i = 0; i < ndim; i++) {
    const double size = state.arena.data()[kFirst + static_cast<size_t>(i)];
    if (!(size >= 0 && size <= 9007199254740992.0))
      throw ArgumentError("ERR_RANGE", "Expected sizes of at least 0 for shape");
    shape.sizes.push_back(static_cast<int64_t>(size));
    if (__builtin_mul_overflow(shape.bytes, static_cast<uint64_t>(size), &shape.bytes))
      throw ArgumentError("ERR_RANGE", "Expected a shape within 2^63 bytes");
  }
  return shape;
}

}  // namespace xpmir
