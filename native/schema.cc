// Entries around operators: finding and calling them, the shared buffer, interned strings, the list of schemas.

#include <torch/csrc/api/include/torch/version.h>

#include "entries.h"

namespace xpmir {

namespace {

Napi::Value arena_buffer(State& state) {
  // The memory belongs to the State and outlives the buffer, so there is nothing to finalize.
  return Napi::ArrayBuffer::New(state.env, state.arena.data(), state.arena.size() * sizeof(double));
}

Napi::Value arena(State& state, const Napi::CallbackInfo&) { return arena_buffer(state); }

Napi::Value reserve(State& state, const Napi::CallbackInfo& info) {
  constexpr int64_t kMostSlots = int64_t{1} << 27;  // 1 GiB: no call has a list that long
  const int64_t slots = integer_argument(info, 0, "slots", 1, kMostSlots);
  size_t size = state.arena.size();
  while (size < static_cast<size_t>(slots)) size *= 2;
  if (size != state.arena.size()) state.arena.grow(size);
  return arena_buffer(state);
}

Napi::Value find(State& state, const Napi::CallbackInfo& info) {
  const std::string name = string_argument(info, 0, "name");
  const std::string overload = info[1].IsUndefined() ? "" : string_argument(info, 1, "overload");
  return Napi::Number::New(state.env, state.operators.find(name, overload));
}

// call(operator, positional, named): true when the buffer was outgrown by the reply and must be fetched anew.
Napi::Value call(State& state, const Napi::CallbackInfo& info) {
  const double group = number_argument(info, 0, "operator");
  const auto positional = static_cast<size_t>(integer_argument(info, 1, "positional", 0, 64));
  const auto named = static_cast<size_t>(integer_argument(info, 2, "named", 0, 64));
  const size_t before = state.arena.size();
  try {
    call_operator(state, group, positional, named);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    rethrow_to_js(state.env, state.operators.at(group).name.c_str());
  }
  if (state.arena.size() != before) return Napi::Boolean::New(state.env, true);
  return state.env.Undefined();
}

Napi::Value intern(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, state.strings.intern(string_argument(info, 0, "text")));
}

Napi::Value string(State& state, const Napi::CallbackInfo& info) {
  return Napi::String::New(state.env, state.strings.at(number_argument(info, 0, "id")).text);
}

Napi::Value schemas(State& state, const Napi::CallbackInfo&) {
  const std::vector<std::string> texts = list_schemas();
  Napi::Array result = Napi::Array::New(state.env, texts.size());
  for (size_t i = 0; i < texts.size(); i++) result.Set(static_cast<uint32_t>(i), texts[i]);
  return result;
}

Napi::Value version(State& state, const Napi::CallbackInfo&) { return Napi::String::New(state.env, TORCH_VERSION); }

constexpr Entry kEntries[] = {
    {"arena", arena},   {"reserve", reserve}, {"find", find},       {"call", call},
    {"intern", intern}, {"string", string},   {"schemas", schemas}, {"version", version},
};

}  // namespace

void export_dispatch(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
