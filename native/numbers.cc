// What the C library computes: JavaScript brings a `pow` and a `cos` of its own, whose last bits differ from Python's.

#include <cmath>

#include "entries.h"

namespace xpmir {

namespace {

Napi::Value power(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, std::pow(number_argument(info, 0, "base"), number_argument(info, 1, "exponent")));
}

Napi::Value cosine(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, std::cos(number_argument(info, 0, "angle")));
}

constexpr Entry kEntries[] = {{"pow", power}, {"cos", cosine}};

}  // namespace

void export_numbers(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
