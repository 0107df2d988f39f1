#include "cuda.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/core/Tensor.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <memory>
#include <string>
#include <unordered_map>

namespace xpmir {

struct EventTable {
  std::unordered_map<double, c10::Event> events;
  double next = 1;
};

int64_t cuda_devices() { return at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0; }

c10::Device cuda_device_argument(const Napi::CallbackInfo& info, size_t index) {
  const int64_t device = integer_argument(info, index, "device", 0, 127);
  const int64_t count = cuda_devices();
  if (device >= count)
    throw ArgumentError("ERR_RANGE", "Expected one of " + std::to_string(count) +
                                         " CUDA devices for device but received " + std::to_string(device));
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device));
}

c10::Stream current_stream(c10::Device device) { return c10::impl::VirtualGuardImpl(device.type()).getStream(device); }

namespace {

c10::impl::VirtualGuardImpl cuda() { return c10::impl::VirtualGuardImpl(c10::kCUDA); }

Napi::Value has_cuda(State& state, const Napi::CallbackInfo&) {
  return Napi::Boolean::New(state.env, at::globalContext().hasCUDA());
}

Napi::Value cuda_device_count(State& state, const Napi::CallbackInfo&) {
  return Napi::Number::New(state.env, static_cast<double>(cuda_devices()));
}

// cudaSynchronize(device): waits until all that was asked of it is done.
Napi::Value cuda_synchronize(State& state, const Napi::CallbackInfo& info) {
  at::accelerator::synchronizeDevice(cuda_device_argument(info, 0).index());
  return state.env.Undefined();
}

const c10::Stream& stream_argument(State& state, const Napi::CallbackInfo& info, size_t index) {
  const c10::Stream* stream = state.streams.find(number_argument(info, index, "stream"));
  if (stream == nullptr) throw ArgumentError("ERR_ARGUMENT", "Expected a Stream but received a number that is none");
  return *stream;
}

c10::Event& event_argument(State& state, const Napi::CallbackInfo& info, size_t index) {
  if (state.events) {
    const auto found = state.events->events.find(number_argument(info, index, "event"));
    if (found != state.events->events.end()) return found->second;
  }
  throw ArgumentError("ERR_ARGUMENT", "Expected an Event but received a number that is none");
}

// streamNew(device, priority): one of the pool; a negative priority is a high one.
Napi::Value stream_new(State& state, const Napi::CallbackInfo& info) {
  const c10::Device device = cuda_device_argument(info, 0);
  const int64_t priority = integer_argument(info, 1, "priority", -1, 0);
  return Napi::Number::New(state.env, state.streams.intern(cuda().getStreamFromGlobalPool(device, priority < 0)));
}

// streamCurrent(device): of this thread, outside of flows with a stream of their own.
Napi::Value stream_current(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, state.streams.intern(current_stream(cuda_device_argument(info, 0))));
}

Napi::Value stream_default(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, state.streams.intern(cuda().getDefaultStream(cuda_device_argument(info, 0))));
}

Napi::Value stream_query(State& state, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(state.env, stream_argument(state, info, 0).query());
}

Napi::Value stream_synchronize(State& state, const Napi::CallbackInfo& info) {
  stream_argument(state, info, 0).synchronize();
  return state.env.Undefined();
}

// streamWait(stream, event): what is asked of the stream from now on waits for the event.
Napi::Value stream_wait(State& state, const Napi::CallbackInfo& info) {
  event_argument(state, info, 1).block(stream_argument(state, info, 0));
  return state.env.Undefined();
}

// streamRecord(stream, tensor): the tensor's memory is not used again before the stream is done with what it was asked.
Napi::Value stream_record(State& state, const Napi::CallbackInfo& info) {
  const c10::Stream& stream = stream_argument(state, info, 0);
  const at::Tensor& tensor = state.tensors.get(number_argument(info, 1, "tensor"));
  if (tensor.device() != stream.device())
    throw ArgumentError("ERR_ARGUMENT", "Expected a tensor on " + stream.device().str() + " but received one on " +
                                            tensor.device().str());
  tensor.record_stream(stream);
  return state.env.Undefined();
}

// eventNew(timing): recorded on no stream yet.
Napi::Value event_new(State& state, const Napi::CallbackInfo& info) {
  const bool timing = boolean_argument(info, 0, "enableTiming");
  if (cuda_devices() == 0)
    throw ArgumentError("ERR_RANGE", "Expected a machine with a CUDA device for a new Event but received none");
  if (!state.events) state.events = std::make_shared<EventTable>();
  EventTable& table = *state.events;
  table.events.emplace(
      table.next, c10::Event(c10::kCUDA, timing ? c10::EventFlag::BACKEND_DEFAULT : c10::EventFlag::PYTORCH_DEFAULT));
  return Napi::Number::New(state.env, table.next++);
}

Napi::Value event_release(State& state, const Napi::CallbackInfo& info) {
  if (state.events) state.events->events.erase(number_argument(info, 0, "event"));
  return state.env.Undefined();
}

Napi::Value event_record(State& state, const Napi::CallbackInfo& info) {
  event_argument(state, info, 0).record(stream_argument(state, info, 1));
  return state.env.Undefined();
}

Napi::Value event_query(State& state, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(state.env, event_argument(state, info, 0).query());
}

Napi::Value event_synchronize(State& state, const Napi::CallbackInfo& info) {
  event_argument(state, info, 0).synchronize();
  return state.env.Undefined();
}

// eventElapsed(begin, end): milliseconds between two that were recorded with timing.
Napi::Value event_elapsed(State& state, const Napi::CallbackInfo& info) {
  return Napi::Number::New(state.env, event_argument(state, info, 0).elapsedTime(event_argument(state, info, 1)));
}

constexpr std::array<const char*, 3> kPools{"all", "small_pool", "large_pool"};

void tell_stat(Napi::Object& stats, const std::string& name, const c10::CachingAllocator::Stat& stat) {
  stats.Set(name + ".current", static_cast<double>(stat.current));
  stats.Set(name + ".peak", static_cast<double>(stat.peak));
  stats.Set(name + ".allocated", static_cast<double>(stat.allocated));
  stats.Set(name + ".freed", static_cast<double>(stat.freed));
}

void tell_pools(Napi::Object& stats, const std::string& name, const c10::CachingAllocator::StatArray& array) {
  for (size_t i = 0; i < kPools.size(); i++) tell_stat(stats, name + "." + kPools[i], array[i]);
}

// cudaMemoryStats(device): the numbers of the caching allocator by PyTorch's names.
Napi::Value cuda_memory_stats(State& state, const Napi::CallbackInfo& info) {
  const auto all = at::accelerator::getDeviceStats(cuda_device_argument(info, 0).index());
  Napi::Object stats = Napi::Object::New(state.env);
  tell_pools(stats, "allocation", all.allocation);
  tell_pools(stats, "segment", all.segment);
  tell_pools(stats, "active", all.active);
  tell_pools(stats, "inactive_split", all.inactive_split);
  tell_pools(stats, "allocated_bytes", all.allocated_bytes);
  tell_pools(stats, "reserved_bytes", all.reserved_bytes);
  tell_pools(stats, "active_bytes", all.active_bytes);
  tell_pools(stats, "inactive_split_bytes", all.inactive_split_bytes);
  tell_pools(stats, "requested_bytes", all.requested_bytes);
  tell_stat(stats, "oversize_allocations", all.oversize_allocations);
  tell_stat(stats, "oversize_segments", all.oversize_segments);
  stats.Set("num_alloc_retries", static_cast<double>(all.num_alloc_retries));
  stats.Set("num_ooms", static_cast<double>(all.num_ooms));
  stats.Set("num_sync_all_streams", static_cast<double>(all.num_sync_all_streams));
  stats.Set("num_device_alloc", static_cast<double>(all.num_device_alloc));
  stats.Set("num_device_free", static_cast<double>(all.num_device_free));
  stats.Set("max_split_size", static_cast<double>(all.max_split_size));
  return stats;
}

Napi::Value cuda_reset_peak(State& state, const Napi::CallbackInfo& info) {
  at::accelerator::resetPeakStats(cuda_device_argument(info, 0).index());
  return state.env.Undefined();
}

Napi::Value cuda_reset_accumulated(State& state, const Napi::CallbackInfo& info) {
  at::accelerator::resetAccumulatedStats(cuda_device_argument(info, 0).index());
  return state.env.Undefined();
}

Napi::Value cuda_empty_cache(State& state, const Napi::CallbackInfo&) {
  if (cuda_devices() > 0) at::accelerator::emptyCache();
  return state.env.Undefined();
}

// cudaMemoryInfo(device): bytes that are free, and all.
Napi::Value cuda_memory_info(State& state, const Napi::CallbackInfo& info) {
  const auto [free, total] = at::accelerator::getMemoryInfo(cuda_device_argument(info, 0).index());
  Napi::Array pair = Napi::Array::New(state.env, 2);
  pair[0u] = Napi::Number::New(state.env, static_cast<double>(free));
  pair[1u] = Napi::Number::New(state.env, static_cast<double>(total));
  return pair;
}

constexpr Entry kEntries[] = {
    {"hasCuda", has_cuda},
    {"cudaDeviceCount", cuda_device_count},
    {"cudaSynchronize", cuda_synchronize},
    {"streamNew", stream_new},
    {"streamCurrent", stream_current},
    {"streamDefault", stream_default},
    {"streamQuery", stream_query},
    {"streamSynchronize", stream_synchronize},
    {"streamWait", stream_wait},
    {"streamRecord", stream_record},
    {"eventNew", event_new},
    {"eventRelease", event_release},
    {"eventRecord", event_record},
    {"eventQuery", event_query},
    {"eventSynchronize", event_synchronize},
    {"eventElapsed", event_elapsed},
    {"cudaMemoryStats", cuda_memory_stats},
    {"cudaResetPeak", cuda_reset_peak},
    {"cudaResetAccumulated", cuda_reset_accumulated},
    {"cudaEmptyCache", cuda_empty_cache},
    {"cudaMemoryInfo", cuda_memory_info},
};

}  // namespace

void export_cuda(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
