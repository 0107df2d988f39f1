// What is no operator: typed arrays in and out, what a tensor is, requires_grad, grad, data.

#include <ATen/Functions.h>
#include <ATen/core/Tensor.h>

#include "allocator.h"
#include "compiled.h"
#include "entries.h"
#include "modes.h"
#include "shapes.h"

namespace xpmir {

namespace {

const at::Tensor& tensor_argument(State& state, const Napi::CallbackInfo& info, size_t index) {
  return state.tensors.get(number_argument(info, index, "tensor"));
}

Napi::Value handle_of(State& state, at::Tensor tensor) {
  const double handle = tensor.defined() ? state.tensors.insert(std::move(tensor)) : 0;
  state.report_memory();
  return Napi::Number::New(state.env, handle);
}

struct Bytes {
  char* data;
  size_t length;
};

// The bytes of a typed array, a shared one too; a detached one has none, and is told by its length.
Bytes bytes_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray())
    throw ArgumentError("ERR_ARGUMENT",
                        std::string("Expected a typed array for ") + name + " but received " + describe(value));
  void* data = nullptr;  // not through the class of node-addon-api, which refuses a SharedArrayBuffer
  napi_get_typedarray_info(info.Env(), value, nullptr, nullptr, &data, nullptr, nullptr);
  return {static_cast<char*>(data), value.As<Napi::TypedArray>().ByteLength()};
}

void check_length(size_t expected, size_t received) {
  if (expected != received)
    throw ArgumentError("ERR_ARGUMENT", "Expected " + std::to_string(expected) + " bytes of data but received " +
                                            std::to_string(received));
}

// fromData(view, dtype, ndim): copies; the shape stands in the buffer.
Napi::Value from_data(State& state, const Napi::CallbackInfo& info) {
  const Bytes bytes = bytes_argument(info, 0, "data");
  const Shape shape = shape_argument(state, info, 1);
  check_length(shape.bytes, bytes.length);
  const ModeGuard guard(modes_in(state.header()));
  at::Tensor tensor = at::empty(shape.sizes, at::TensorOptions().dtype(shape.dtype));
  if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
  return handle_of(state, std::move(tensor));
}

// copyTo(tensor, view): row-major elements as they are in memory; waits for a device, on the stream in the header.
Napi::Value copy_to(State& state, const Napi::CallbackInfo& info) {
  at::Tensor tensor = tensor_argument(state, info, 0);
  const Bytes bytes = bytes_argument(info, 1, "view");
  const FlowStream stream(state.header(), state.streams);
  const c10::AutoGradMode no_grad(false);
  tensor = tensor.detach().resolve_conj().resolve_neg().to(at::kCPU).contiguous();
  check_length(tensor.nbytes(), bytes.length);
  if (bytes.length == 0) return state.env.Undefined();
  // Autograd makes zeros that have no memory, such as the gradient of sign.
  if (tensor._is_zerotensor()) {
    std::memset(bytes.data, 0, bytes.length);
    return state.env.Undefined();
  }
  const void* source = tensor.const_data_ptr();
  if (source == nullptr) throw ArgumentError("ERR_ARGUMENT", "Expected a tensor with storage but received one without");
  std::memcpy(bytes.data, source, bytes.length);
  return state.env.Undefined();
}

// copyFrom(tensor, at, view): the elements' bytes from a place on, for who makes a tensor piece by piece.
Napi::Value copy_from(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = tensor_argument(state, info, 0);
  const int64_t at = integer_argument(info, 1, "at", 0, int64_t{1} << 53);
  const Bytes bytes = bytes_argument(info, 2, "view");
  if (!tensor.device().is_cpu() || tensor.layout() != at::kStrided || !tensor.is_contiguous() || tensor.requires_grad())
    throw ArgumentError("ERR_ARGUMENT", "Expected a contiguous CPU tensor without a gradient for tensor");
  const auto room = static_cast<uint64_t>(tensor.nbytes());
  if (static_cast<uint64_t>(at) > room || bytes.length > room - static_cast<uint64_t>(at))
    throw ArgumentError("ERR_RANGE", "Expected at most " + std::to_string(room) + " bytes for view");
  if (bytes.length == 0) return state.env.Undefined();
  wait_for_steps(state, tensor);
  auto* target = static_cast<char*>(tensor.mutable_data_ptr());
  if (target == nullptr) throw ArgumentError("ERR_ARGUMENT", "Expected a tensor with storage but received one without");
  std::memcpy(target + at, bytes.data, bytes.length);
  return state.env.Undefined();
}

enum Flags : unsigned { kRequiresGrad = 1, kLeaf = 2 };
constexpr unsigned kLayoutShift = 2;  // the layout's number stands above the flags

// info(tensor): dtype, device, flags and layout, ndim, sizes in the buffer, from its first slot on.
Napi::Value describe_tensor(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = tensor_argument(state, info, 0);
  const unsigned flags = (tensor.requires_grad() ? kRequiresGrad : 0u) | (tensor.is_leaf() ? kLeaf : 0u) |
                         static_cast<unsigned>(tensor.layout()) << kLayoutShift;
  double* out = state.arena.data() + kFirst;
  out[0] = state.dtype_id(tensor.scalar_type());
  out[1] = state.device_id(tensor.device());
  out[2] = flags;
  out[3] = static_cast<double>(tensor.dim());
  for (int64_t i = 0; i < tensor.dim() && i < 1024; i++) out[4 + i] = static_cast<double>(tensor.size(i));
  return state.env.Undefined();
}

Napi::Value set_requires_grad(State& state, const Napi::CallbackInfo& info) {
  at::Tensor tensor = tensor_argument(state, info, 0);
  const bool value = boolean_argument(info, 1, "requiresGrad");
  if (!tensor.is_leaf() && !value)
    throw ArgumentError(
        "ERR_AUTOGRAD",
        "Expected a leaf tensor for requiresGrad = false but received the result of an operator: use detach()");
  wait_for_steps(state, tensor);
  tensor.set_requires_grad(value);
  return state.env.Undefined();
}

Napi::Value grad(State& state, const Napi::CallbackInfo& info) {
  return handle_of(state, tensor_argument(state, info, 0).grad());
}

Napi::Value set_grad(State& state, const Napi::CallbackInfo& info) {
  at::Tensor tensor = tensor_argument(state, info, 0);
  const double handle = number_argument(info, 1, "grad");
  if (handle == 0) {
    tensor.mutable_grad().reset();
    return state.env.Undefined();
  }
  const at::Tensor& value = state.tensors.get(handle);
  if (value.sizes() != tensor.sizes() || value.device() != tensor.device() ||
      value.scalar_type() != tensor.scalar_type()) {
    const auto text = [](const at::Tensor& t) {
      return std::string(dtype_name(t.scalar_type())) + " of shape [" + c10::Join(", ", t.sizes()) + "] on " +
             t.device().str();
    };
    throw ArgumentError("ERR_ARGUMENT", "Expected " + text(tensor) + " for grad but received " + text(value));
  }
  tensor.mutable_grad() = value;
  return state.env.Undefined();
}

// data(tensor): the same storage, outside of autograd, with a version counter of its own.
Napi::Value data(State& state, const Napi::CallbackInfo& info) {
  return handle_of(state, tensor_argument(state, info, 0).variable_data());
}

Napi::Value set_data(State& state, const Napi::CallbackInfo& info) {
  at::Tensor tensor = tensor_argument(state, info, 0);
  wait_for_steps(state, tensor);
  tensor.set_data(tensor_argument(state, info, 1));
  return state.env.Undefined();
}

// share(tensor): a second handle for the very same tensor, with its autograd history.
Napi::Value share(State& state, const Napi::CallbackInfo& info) {
  return handle_of(state, tensor_argument(state, info, 0));
}

// release(): what was disposed is released before any entry's body runs, so this one has nothing left but the report.
Napi::Value release(State& state, const Napi::CallbackInfo&) {
  state.report_memory();
  return state.env.Undefined();
}

// releaseMany(count): handles in the buffer from its first slot on; what a scope does when it ends.
Napi::Value release_many(State& state, const Napi::CallbackInfo& info) {
  const int64_t count = integer_argument(info, 0, "count", 0, static_cast<int64_t>(state.arena.size() - kFirst));
  for (int64_t i = 0; i < count; i++) state.tensors.release(state.arena.data()[kFirst + static_cast<size_t>(i)]);
  state.report_memory();
  return state.env.Undefined();
}

// memory(): live handles, and the bytes of their distinct storages, in the buffer.
Napi::Value memory(State& state, const Napi::CallbackInfo&) {
  state.arena.data()[kFirst] = static_cast<double>(state.tensors.live());
  state.arena.data()[kFirst + 1] = static_cast<double>(state.tensors.bytes());
  return state.env.Undefined();
}

// emptyHostCache(): memory of large tensors that died goes back to the system.
Napi::Value empty_host_cache(State& state, const Napi::CallbackInfo&) {
  empty_allocator();
  return state.env.Undefined();
}

// sameStorage(a, b): whether two tensors look at the same memory.
Napi::Value same_storage(State& state, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(state.env, tensor_argument(state, info, 0).is_alias_of(tensor_argument(state, info, 1)));
}

constexpr Entry kEntries[] = {
    {"fromData", from_data},
    {"copyTo", copy_to},
    {"copyFrom", copy_from},
    {"info", describe_tensor},
    {"setRequiresGrad", set_requires_grad},
    {"grad", grad},
    {"setGrad", set_grad},
    {"data", data},
    {"setData", set_data},
    {"share", share},
    {"release", release},
    {"releaseMany", release_many},
    {"memory", memory},
    {"emptyHostCache", empty_host_cache},
    {"sameStorage", same_storage},
};

}  // namespace

void export_tensor(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
