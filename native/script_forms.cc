// What a TorchScript module says of itself, its attributes that are no tensors, and what is made of it: a copy, a
// frozen one, one for inference alone.

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/python_print.h>

#include "compiled.h"
#include "entries.h"
#include "scripts.h"
#include "string_lists.h"

namespace xpmir {

namespace {

using torch::jit::Module;

// scriptText(module, method, what): its "code" as Python, "graph", "inlinedGraph" or "schema".
Napi::Value text(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const torch::jit::Method method = script_method(module, string_argument(info, 1, "method"));
  const std::string what = string_argument(info, 2, "what");
  if (what == "schema") return Napi::String::New(state.env, toString(method.function().getSchema()));
  if (what == "graph") return Napi::String::New(state.env, method.graph()->toString());
  if (what == "inlinedGraph") {
    const auto graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    return Napi::String::New(state.env, graph->toString());
  }
  if (what != "code") throw ArgumentError("ERR_ARGUMENT", "Expected what a method tells but received \"" + what + "\"");
  std::vector<c10::IValue> constants;
  torch::jit::PrintDepsTable classes;
  torch::jit::PythonPrint print(constants, classes);
  print.printMethod(method.function());
  return Napi::String::New(state.env, print.str());
}

bool is_plain(const c10::TypePtr& type) {
  return !type->is_module() && !type->isSubtypeOf(*c10::TensorType::get()) && type->kind() != c10::TypeKind::ClassType;
}

// scriptAttributes(module): the names of those that are neither tensors nor modules.
Napi::Value attributes(State& state, const Napi::CallbackInfo& info) {
  const auto type = script_argument(state, info).type();
  std::vector<std::string> names;
  for (size_t i = 0; i < type->numAttributes(); i++)
    if (is_plain(type->getAttribute(i))) names.push_back(type->getAttributeName(i));
  return strings_value(state.env, names);
}

// The place of an attribute that is neither a tensor nor a module.
size_t attribute_argument(const Module& module, const Napi::CallbackInfo& info) {
  const std::string name = string_argument(info, 1, "name");
  const auto slot = module.type()->findAttributeSlot(name);
  if (!slot || !is_plain(module.type()->getAttribute(*slot)))
    throw ArgumentError("ERR_ARGUMENT",
                        "Expected the name of an attribute of the module but received \"" + name + "\"");
  return *slot;
}

// scriptAttribute(module, name): the shape of its value, as scriptCall returns it.
Napi::Value attribute(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const size_t slot = attribute_argument(module, info);
  wait_idle(state);
  return script_reply(state, module._ivalue()->getSlot(slot));
}

// scriptSetAttribute(module, name, shape): the value stands in the buffer, nested as `shape` says.
Napi::Value set_attribute(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const size_t slot = attribute_argument(module, info);
  const std::vector<ScriptValue> given = read_script_values(state, string_argument(info, 2, "shape"));
  if (given.size() != 1) throw ArgumentError("ERR_ARGUMENT", "Expected one value for an attribute");
  c10::IValue value =
      to_script_ivalue(state, module.type()->getAttribute(slot), given[0], "attribute " + string_argument(info, 1, ""));
  wait_idle(state);
  module._ivalue()->setSlot(slot, std::move(value));
  return state.env.Undefined();
}

// scriptTensor(module, name, tensor): what stands in the place of `tensor` now; 0 while it is itself.
Napi::Value tensor(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const auto slot = module.type()->findAttributeSlot(string_argument(info, 1, "name"));
  const at::Tensor before = state.tensors.get(number_argument(info, 2, "tensor"));
  wait_idle(state);
  if (!slot || !module._ivalue()->getSlot(*slot).isTensor())
    throw ArgumentError("ERR_ARGUMENT", "Expected the name of a tensor of the module");
  const at::Tensor now = module._ivalue()->getSlot(*slot).toTensor();
  return Napi::Number::New(state.env, !now.defined() || now.is_same(before) ? 0 : state.tensors.insert(now));
}

// scriptCopy(module): the number of one with tensors of its own.
Napi::Value copy(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  wait_idle(state);
  // A copy of a leaf is a leaf.
  const at::NoGradGuard guard;
  const Module made = module.deepcopy();
  const auto copies = made.attributes();
  auto copied = copies.begin();
  for (const c10::IValue& original : module.attributes()) {
    if (original.isTensor() && original.toTensor().is_leaf())
      (*copied).toTensor().set_requires_grad(original.toTensor().requires_grad());
    ++copied;
  }
  return number_new_script(state, made);
}

// scriptFreeze(module, preserved, optimizeNumerics): the number of one whose tensors are constants.
Napi::Value freeze(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const auto preserved = strings_argument(info, 1, "preserved");
  const bool optimize = boolean_argument(info, 2, "optimizeNumerics");
  wait_idle(state);
  return number_new_script(state, torch::jit::freeze(module, preserved, optimize));
}

// scriptOptimize(module, otherMethods): the number of one that only computes, as fast as it can here.
Napi::Value optimize(State& state, const Napi::CallbackInfo& info) {
  Module module = script_argument(state, info);
  const auto others = strings_argument(info, 1, "otherMethods");
  wait_idle(state);
  return number_new_script(state, torch::jit::optimize_for_inference(module, others));
}

// scriptOptimizes(enabled): whether the calls from here on may run graphs that were optimized for what came before.
Napi::Value optimizes(State& state, const Napi::CallbackInfo& info) {
  scripts_of(state).optimizes = boolean_argument(info, 0, "enabled");
  return state.env.Undefined();
}

constexpr Entry kEntries[] = {
    {"scriptOptimizes", optimizes},
    {"scriptText", text},
    {"scriptAttributes", attributes},
    {"scriptAttribute", attribute},
    {"scriptSetAttribute", set_attribute},
    {"scriptTensor", tensor},
    {"scriptCopy", copy},
    {"scriptFreeze", freeze},
    {"scriptOptimize", optimize},
};

}  // namespace

void export_script_forms(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
