// Seeds, generators and thread counts.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

#include <mutex>
#include <string>

#include "cuda.h"
#include "entries.h"

namespace xpmir {

namespace {

// Ids below 0 stand for default generators: -1 for that of the CPU, -2 - i for that of CUDA device i.
constexpr int64_t kDefault = -1;
constexpr int64_t kMaxDevices = 128;

uint64_t seed_argument(const Napi::CallbackInfo& info, size_t index) {
  if (info[index].IsBigInt()) {
    bool lossless = false;
    const uint64_t seed = info[index].As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return seed;
    const int64_t negative = info[index].As<Napi::BigInt>().Int64Value(&lossless);
    if (lossless) return static_cast<uint64_t>(negative);
    throw ArgumentError("ERR_RANGE", "Expected a seed within 64 bits but received a larger bigint");
  }
  constexpr int64_t kExact = int64_t{1} << 53;
  return static_cast<uint64_t>(integer_argument(info, index, "seed", -kExact, kExact));
}

at::Generator generator_argument(State& state, const Napi::CallbackInfo& info) {
  const double id = number_argument(info, 0, "generator");
  if (id == kDefault) return at::detail::getDefaultCPUGenerator();
  if (!(id < kDefault)) return state.generator(id);
  const int64_t device = kDefault - 1 - integer_argument(info, 0, "generator", kDefault - kMaxDevices, kDefault - 1);
  const int64_t count = cuda_devices();
  if (device >= count)
    throw ArgumentError("ERR_RANGE", "Expected one of " + std::to_string(count) +
                                         " CUDA devices for device but received " + std::to_string(device));
  return at::globalContext().defaultGenerator(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
}

Napi::Value manual_seed(State& state, const Napi::CallbackInfo& info) {
  at::manual_seed(seed_argument(info, 0));  // the CPU and every device, as PyTorch does
  return state.env.Undefined();
}

Napi::Value new_generator(State& state, const Napi::CallbackInfo&) {
  state.generators.push_back(at::detail::createCPUGenerator());
  return Napi::Number::New(state.env, static_cast<double>(state.generators.size() - 1));
}

Napi::Value release_generator(State& state, const Napi::CallbackInfo& info) {
  state.generator(number_argument(info, 0, "generator")) = at::Generator();
  return state.env.Undefined();
}

Napi::Value set_seed(State& state, const Napi::CallbackInfo& info) {
  at::Generator generator = generator_argument(state, info);
  const uint64_t seed = seed_argument(info, 1);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
  return state.env.Undefined();
}

Napi::Value current_seed(State& state, const Napi::CallbackInfo& info) {
  at::Generator generator = generator_argument(state, info);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return Napi::BigInt::New(state.env, generator.current_seed());
}

// A seed from the system's entropy, which also becomes the current one.
Napi::Value draw_seed(State& state, const Napi::CallbackInfo& info) {
  at::Generator generator = generator_argument(state, info);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return Napi::BigInt::New(state.env, generator.seed());
}

Napi::Value get_state(State& state, const Napi::CallbackInfo& info) {
  at::Generator generator = generator_argument(state, info);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return Napi::Number::New(state.env, state.tensors.insert(generator.get_state()));
}

Napi::Value set_state(State& state, const Napi::CallbackInfo& info) {
  at::Generator generator = generator_argument(state, info);
  const at::Tensor& saved = state.tensors.get(number_argument(info, 1, "state"));
  if (saved.scalar_type() != at::kByte || !saved.device().is_cpu() || saved.layout() != c10::kStrided)
    throw ArgumentError("ERR_ARGUMENT", std::string("Expected a uint8 tensor on the CPU for state but received ") +
                                            dtype_name(saved.scalar_type()));
  const at::Tensor contiguous = saved.contiguous();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(contiguous);
  return state.env.Undefined();
}

Napi::Value set_num_threads(State& state, const Napi::CallbackInfo& info) {
  at::set_num_threads(static_cast<int>(integer_argument(info, 0, "threads", 1, 1024)));
  return state.env.Undefined();
}

Napi::Value get_num_threads(State& state, const Napi::CallbackInfo&) {
  return Napi::Number::New(state.env, at::get_num_threads());
}

Napi::Value set_deterministic(State& state, const Napi::CallbackInfo& info) {
  at::globalContext().setDeterministicAlgorithms(boolean_argument(info, 0, "mode"),
                                                 boolean_argument(info, 1, "warnOnly"));
  return state.env.Undefined();
}

// clearAutocastCache(): the casts of weights that autocast kept, which an optimizer's step makes stale.
Napi::Value clear_autocast_cache(State& state, const Napi::CallbackInfo&) {
  at::autocast::clear_cache();
  return state.env.Undefined();
}

constexpr Entry kEntries[] = {
    {"manualSeed", manual_seed},
    {"newGenerator", new_generator},
    {"releaseGenerator", release_generator},
    {"setSeed", set_seed},
    {"currentSeed", current_seed},
    {"drawSeed", draw_seed},
    {"getState", get_state},
    {"setState", set_state},
    {"setNumThreads", set_num_threads},
    {"getNumThreads", get_num_threads},
    {"setDeterministic", set_deterministic},
    {"clearAutocastCache", clear_autocast_cache},
};

}  // namespace

void export_random(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
