#include "scripts.h"

#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include "error.h"
#include "wire.h"

namespace xpmir {

namespace {

// Which tensors of which classes the methods of a module, and of those in it, put others in the place of.
void note_assigned(ScriptTable& table, const torch::jit::Module& root) {
  for (const torch::jit::Module& module : root.modules()) {
    for (const torch::jit::Method& method : module.get_methods()) {
      std::shared_ptr<torch::jit::Graph> graph = method.graph();
      torch::jit::DepthFirstGraphNodeIterator nodes(graph);
      for (torch::jit::Node* node = nodes.next(); node != nullptr; node = nodes.next()) {
        if (node->kind() != c10::prim::SetAttr || !node->input(1)->type()->isSubtypeOf(*c10::TensorType::get()))
          continue;
        const auto type = node->input(0)->type()->cast<c10::ClassType>();
        if (!type) continue;
        if (table.assigned.emplace(type.get(), node->s(c10::attr::name)).second) table.classes.push_back(type);
      }
    }
  }
}

}  // namespace

ScriptTable& scripts_of(State& state) {
  if (!state.scripts) state.scripts = std::make_shared<ScriptTable>();
  return *state.scripts;
}

Napi::Value number_script(State& state, torch::jit::Module module) {
  ScriptTable& scripts = scripts_of(state);
  scripts.modules.emplace(scripts.next, std::move(module));
  return Napi::Number::New(state.env, scripts.next++);
}

Napi::Value number_new_script(State& state, torch::jit::Module module) {
  note_assigned(scripts_of(state), module);
  return number_script(state, std::move(module));
}

torch::jit::Module script_argument(State& state, const Napi::CallbackInfo& info) {
  const auto& modules = scripts_of(state).modules;
  const auto found = modules.find(number_argument(info, 0, "module"));
  if (found == modules.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live script module but received a number that is none");
  return found->second;
}

std::string script_method_names(const torch::jit::Module& module) {
  std::string names;
  for (const torch::jit::Function* method : module.type()->methods())
    names += (names.empty() ? "" : ", ") + method->name();
  return names.empty() ? "none" : names;
}

torch::jit::Method script_method(const torch::jit::Module& module, const std::string& name) {
  const auto method = module.find_method(name);
  if (!method)
    throw ArgumentError("ERR_ARGUMENT",
                        "Expected one of " + script_method_names(module) + " for method but received \"" + name + "\"");
  return *method;
}

Napi::Value script_reply(State& state, const c10::IValue& result) {
  const size_t before = state.arena.size();
  WireWriter out(state.arena);
  size_t leaves = 0;
  std::string shape;
  write_script_ivalue(state, out, leaves, shape, result);
  out.finish(leaves);
  state.report_memory();
  Napi::Array reply = Napi::Array::New(state.env, 2);
  reply.Set(0u, shape);
  reply.Set(1u, state.arena.size() != before);
  return reply;
}

}  // namespace xpmir
