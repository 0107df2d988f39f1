// Opens libtorch by its absolute path before the addon that needs it is loaded. The dynamic linker then finds the
// addon's libraries by their names, already in the process: no RPATH, no LD_LIBRARY_PATH, any directory.
// Knows nothing about libtorch; when it cannot be opened, the linker's own words are the best message.

#include <dlfcn.h>

#include <string>

#include "napi_setup.h"

namespace {

// open(path: string): null when it was opened, the linker's message when not.
Napi::Value open(const Napi::CallbackInfo& info) {
  if (!info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "Expected a path for open but received something else");
  const std::string path = info[0].As<Napi::String>();
  // LOCAL: another addon in this process may bring a library of its own with the same symbols.
  if (dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL) != nullptr) return info.Env().Null();
  const char* reason = dlerror();
  return Napi::String::New(info.Env(), reason != nullptr ? reason : "The dynamic linker gave no reason");
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["open"] = Napi::Function::New(env, open, "open");
  return exports;
}

}  // namespace

NODE_API_MODULE(preload, init)
