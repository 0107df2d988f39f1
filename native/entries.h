#pragma once
// Each file that exports entries to JavaScript has one table; addon.cc puts them together.

#include "error.h"
#include "napi_setup.h"
#include "state.h"

namespace xpmir {

using EntryBody = Napi::Value (*)(State& state, const Napi::CallbackInfo& info);

struct Entry {
  const char* name;
  EntryBody body;
};

void export_entries(Napi::Env env, Napi::Object exports, const Entry* entries, size_t count);

template <size_t N>
void export_entries(Napi::Env env, Napi::Object exports, const Entry (&entries)[N]) {
  export_entries(env, exports, entries, N);
}

void export_dispatch(Napi::Env env, Napi::Object exports);
void export_tensor(Napi::Env env, Napi::Object exports);
void export_mapped(Napi::Env env, Napi::Object exports);
void export_autograd(Napi::Env env, Napi::Object exports);
void export_cuda(Napi::Env env, Napi::Object exports);
void export_cuda_properties(Napi::Env env, Napi::Object exports);
void export_backends(Napi::Env env, Napi::Object exports);
void export_random(Napi::Env env, Napi::Object exports);
void export_numbers(Napi::Env env, Napi::Object exports);
void export_jit(Napi::Env env, Napi::Object exports);
void export_packages(Napi::Env env, Napi::Object exports);
void export_script_forms(Napi::Env env, Napi::Object exports);
void export_tapes(Napi::Env env, Napi::Object exports);
void export_steps(Napi::Env env, Napi::Object exports);

}  // namespace xpmir
