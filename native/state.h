#pragma once
// What one environment (the main thread or one worker) owns. Nothing in this addon is global.

#include <ATen/core/Generator.h>
#include <ATen/core/stack.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "dispatch.h"
#include "handle.h"
#include "napi_setup.h"
#include "streams.h"
#include "wire.h"

namespace xpmir {

// A JavaScript function that libtorch holds (a gradient hook). libtorch may drop it on any thread, a JavaScript
// reference may only die on its own: the last owner hands it to the graveyard, which the JavaScript thread empties.
struct JsCallback {
  Napi::FunctionReference function;
  std::thread::id thread;
};

class Graveyard {
 public:
  void bury(std::unique_ptr<JsCallback> callback);
  void empty();    // on the JavaScript thread only
  void abandon();  // the environment ends: references die with it and must not be touched

 private:
  std::atomic<bool> any_ = false;  // so that emptying what is empty, as every call does, costs one load
  std::mutex mutex_;
  std::vector<std::unique_ptr<JsCallback>> dead_;
  bool abandoned_ = false;
};

struct ScriptTable;    // of jit.cc
struct PackageTable;   // of aoti.cc
struct CompiledTable;  // of compiled.h
struct EventTable;     // of cuda.cc
class Recorder;
class StepThread;

class State {
 public:
  explicit State(Napi::Env env);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static State* of(Napi::Env env) { return env.GetInstanceData<State>(); }

  Napi::Env env;
  std::thread::id thread = std::this_thread::get_id();
  Arena arena;
  HandleTable tensors;
  StringTable strings;
  StreamTable streams;
  OperatorTable operators;
  torch::jit::Stack spare_stack;  // an allocation to use again
  std::vector<at::Generator> generators;
  double header() const { return arena.data()[kModes]; }
  at::Generator& generator(double id);   // throws ArgumentError for an id never given out
  std::shared_ptr<ScriptTable> scripts;  // made at the first use, as those below
  std::shared_ptr<PackageTable> packages;
  std::shared_ptr<CompiledTable> compiled;
  std::shared_ptr<EventTable> events;
  std::shared_ptr<StepThread> steps;
  std::unique_ptr<Recorder> recorder;  // while operator calls are written down
  std::shared_ptr<Graveyard> graveyard = std::make_shared<Graveyard>();
  Napi::ObjectReference hook_error;  // { error }: what a hook threw while the engine ran

  // The interned names of a dtype and of a device, remembered: programs ask for them all the time.
  int dtype_id(c10::ScalarType dtype);
  int device_id(c10::Device device);

  // What every entry does first: drops what JavaScript disposed since the last one, and what libtorch buried.
  void tidy_up();

  // Tells V8 how many bytes live outside its heap, in steps large enough to cost nothing.
  void report_memory();

 private:
  int64_t reported_bytes_ = 0;
  std::array<int, static_cast<size_t>(c10::ScalarType::NumOptions)> dtype_ids_{};
  c10::Device last_device_ = c10::Device(c10::kCPU);
  int last_device_id_ = 0;
};

}  // namespace xpmir
