// Entries around operators: finding and calling them, the shared buffer, interned strings, the list of schemas.

#include <torch/csrc/api/include/torch/version.h>

#include "entries.h"
#include "string_lists.h"

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

size_t count_slot(const State& state, size_t slot) {
  const double count = state.arena.data()[slot];
  return count >= 0 && count <= 64 ? static_cast<size_t>(count) : 65;
}

// call(): operator, counts and arguments stand in the buffer. True when the reply outgrew it, which must be fetched
// anew then. The one entry that is called for every operator, hence bare Node-API with nothing to decode.
napi_value call(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  State& state = *static_cast<State*>(data);
  const size_t before = state.arena.size();
  const double group = state.arena.data()[kOperator];
  try {
    try {
      state.tidy_up();
      call_operator(state, group, count_slot(state, kPositional), count_slot(state, kNamed));
    } catch (...) {
      rethrow_to_js(env, state.operators.name(group));
    }
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
    return nullptr;
  }
  if (state.arena.size() == before) return nullptr;
  return Napi::Boolean::New(env, true);
}

Napi::Value intern(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, state.strings.intern(string_argument(info, 0, "text")));
}

Napi::Value string(State& state, const Napi::CallbackInfo& info) {
  return Napi::String::New(state.env, state.strings.at(number_argument(info, 0, "id")).text);
}

Napi::Value schemas(State& state, const Napi::CallbackInfo&) { return strings_value(state.env, list_schemas()); }

Napi::Value version(State& state, const Napi::CallbackInfo&) { return Napi::String::New(state.env, TORCH_VERSION); }

constexpr Entry kEntries[] = {
    {"arena", arena},   {"reserve", reserve}, {"find", find},       {"intern", intern},
    {"string", string}, {"schemas", schemas}, {"version", version},
};

}  // namespace

void export_dispatch(Napi::Env env, Napi::Object exports) {
  export_entries(env, exports, kEntries);
  napi_value function = nullptr;
  napi_create_function(env, "call", NAPI_AUTO_LENGTH, call, State::of(env), &function);
  exports.Set("call", Napi::Value(env, function));
}

}  // namespace xpmir
