// The native layer, table of contents.
//
// It knows libtorch and refuses to know: modules, layers, optimizers, training loops, option objects, defaults that no
// schema states, what a Tensor looks like in JavaScript, how errors are classed, what a file says, and the network.
//
//   wire.*      how values cross; the shared buffer and the interned strings
//   handle.*    tensors as numbers
//   convert.*   wire value <-> IValue by schema type
//   dispatch.*  find an operator, choose its overload, call it
//   tensor.cc   what is no operator: data in and out, description, requires_grad, grad
//   mapped.cc   tensors over the pages of an open file; shapes.* the dtype and sizes that a new tensor is asked with
//   autograd.cc backward, grad, hooks, custom nodes
//   random.cc   seeds, generators, thread counts
//   cuda*.cc    devices, streams, events, memory of devices; backends.cc what matrix products may do
//   numbers.cc  what the C library computes
//   jit.cc      TorchScript modules as numbers (scripts.*); script_value.* their nested arguments; script_forms.cc what
//               is said of them and made of them; script_call.* one on a tape
//   aoti.cc     packages that AOTInductor compiled, as numbers; string_lists.* arrays of strings both ways
//   tape.*      operator calls written down, and run again; step_thread.* where
//   compiled*   tapes as numbers, steps made of them; flat_* their parts below autograd
//   allocator.* memory of CPU tensors, used again, large_blocks.* of the large ones: what belongs to the process
//   error.*     the border; state.* what one environment owns

#include "allocator.h"
#include "entries.h"

namespace xpmir {

namespace {

// The one trampoline: every entry of every table goes through it, hence through guarded().
Napi::Value enter(const Napi::CallbackInfo& info) {
  const auto* entry = static_cast<const Entry*>(info.Data());
  State* state = State::of(info.Env());
  return guarded(info.Env(), entry->name, [&]() -> Napi::Value {
    state->tidy_up();
    return entry->body(*state, info);
  });
}

}  // namespace

void export_entries(Napi::Env env, Napi::Object exports, const Entry* entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    auto* data = const_cast<void*>(static_cast<const void*>(&entries[i]));
    exports.Set(entries[i].name, Napi::Function::New<enter>(env, entries[i].name, data));
  }
}

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  install_allocator();
  env.SetInstanceData(new State(env));
  export_dispatch(env, exports);
  export_tensor(env, exports);
  export_mapped(env, exports);
  export_autograd(env, exports);
  export_random(env, exports);
  export_numbers(env, exports);
  export_cuda(env, exports);
  export_cuda_properties(env, exports);
  export_backends(env, exports);
  export_jit(env, exports);
  export_packages(env, exports);
  export_script_forms(env, exports);
  export_tapes(env, exports);
  export_steps(env, exports);
  return exports;
}

}  // namespace
}  // namespace xpmir

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return xpmir::init(env, exports); }
NODE_API_MODULE(addon, Init)
