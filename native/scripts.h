#pragma once
// The TorchScript modules of an environment, by number; each of their submodules has one too, and shares their memory.

#include <torch/csrc/jit/api/module.h>

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "script_value.h"
#include "state.h"

namespace xpmir {

struct ScriptTable {
  std::unordered_map<double, torch::jit::Module> modules;
  std::unordered_map<double, c10::IValue> results;  // of calls on the step thread, until JavaScript takes them
  // Tensors that a method puts others in the place of: the class, which lives as long as the process, and the name.
  std::set<std::pair<const c10::ClassType*, std::string>> assigned;
  std::vector<c10::TypePtr> classes;  // of these, so that no address stands for two
  double next = 1;
  bool optimizes = true;
};

ScriptTable& scripts_of(State& state);

// The number of a module that was there before, such as a submodule, and of one that was made.
Napi::Value number_script(State& state, torch::jit::Module module);
Napi::Value number_new_script(State& state, torch::jit::Module module);

// A copy, which is a reference: the call may run JavaScript that releases the number.
torch::jit::Module script_argument(State& state, const Napi::CallbackInfo& info);

// A method by its name; throws ArgumentError naming those that are there.
torch::jit::Method script_method(const torch::jit::Module& module, const std::string& name);

// The names of what can be called, joined by ", ".
std::string script_method_names(const torch::jit::Module& module);

// The shape of a value, whose leaves stand in the buffer then, and whether the buffer must be fetched anew.
Napi::Value script_reply(State& state, const c10::IValue& result);

}  // namespace xpmir
