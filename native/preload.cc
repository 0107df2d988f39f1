// Opens libtorch by its absolute path before the addon that needs it is loaded. The dynamic linker then finds the
// addon's libraries by their names, already in the process: no RPATH, no LD_LIBRARY_PATH, any directory.
// Knows nothing about libtorch; when it cannot be opened, the linker's own words are the best message.

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "napi_setup.h"

namespace {

// Between two parallel loops OpenMP's threads spin, by default for as long as a small training step takes. One of them
// is JavaScript's, the cores are shared with the rest of the program, and on a busy machine a step took ten times as
// long. So they spin shortly and then sleep, as OpenMP itself does where threads outnumber cores; the user's setting
// wins.
void let_threads_sleep() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "1000", 0);
}

// open(path: string): null when it was opened, the linker's message when not.
Napi::Value open(const Napi::CallbackInfo& info) {
  if (!info[0].IsString())
    throw Napi::TypeError::New(info.Env(), "Expected a path for open but received something else");
  const std::string path = info[0].As<Napi::String>();
  let_threads_sleep();  // OpenMP reads its settings once, as it is loaded
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
