// Settings of libtorch's backends: what precision and which algorithms matrix products and convolutions may use. They
// belong to the process, and are there without a device too.

#include <ATen/Context.h>

#include <string>

#include "entries.h"

namespace xpmir {

namespace {

struct Flag {
  const char* name;
  bool (*get)();
  void (*set)(bool);
};

at::Context& context() { return at::globalContext(); }

constexpr Flag kFlags[] = {
    {"cuda.matmul.allowTf32", [] { return context().allowTF32CuBLAS(); },
     [](bool on) { context().setAllowTF32CuBLAS(on); }},
    {"cudnn.allowTf32", [] { return context().allowTF32CuDNN(); }, [](bool on) { context().setAllowTF32CuDNN(on); }},
    {"cudnn.benchmark", [] { return context().benchmarkCuDNN(); }, [](bool on) { context().setBenchmarkCuDNN(on); }},
    {"cudnn.deterministic", [] { return context().deterministicCuDNN(); },
     [](bool on) { context().setDeterministicCuDNN(on); }},
    {"cudnn.enabled", [] { return context().userEnabledCuDNN(); }, [](bool on) { context().setUserEnabledCuDNN(on); }},
};

const Flag& flag_argument(const Napi::CallbackInfo& info) {
  const std::string name = string_argument(info, 0, "flag");
  for (const Flag& flag : kFlags)
    if (name == flag.name) return flag;
  throw ArgumentError("ERR_ARGUMENT", "Expected the name of a flag but received " + name);
}

Napi::Value get_flag(State& state, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(state.env, flag_argument(info).get());
}

Napi::Value set_flag(State& state, const Napi::CallbackInfo& info) {
  const Flag& flag = flag_argument(info);
  flag.set(boolean_argument(info, 1, "value"));
  return state.env.Undefined();
}

Napi::Value get_precision(State& state, const Napi::CallbackInfo&) {
  switch (context().float32MatmulPrecision()) {
    case at::Float32MatmulPrecision::HIGHEST:
      return Napi::String::New(state.env, "highest");
    case at::Float32MatmulPrecision::HIGH:
      return Napi::String::New(state.env, "high");
    default:
      return Napi::String::New(state.env, "medium");
  }
}

Napi::Value set_precision(State& state, const Napi::CallbackInfo& info) {
  const std::string name = string_argument(info, 0, "precision");
  if (name != "highest" && name != "high" && name != "medium")  // libtorch would only warn
    throw ArgumentError("ERR_ARGUMENT", "Expected highest, high or medium for precision but received " + name);
  context().setFloat32MatmulPrecision(name);
  return state.env.Undefined();
}

constexpr Entry kEntries[] = {
    {"backendFlag", get_flag},
    {"setBackendFlag", set_flag},
    {"matmulPrecision", get_precision},
    {"setMatmulPrecision", set_precision},
};

}  // namespace

void export_backends(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
