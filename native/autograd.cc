// backward and grad, hooks written in JavaScript, and nodes whose backward is a JavaScript function.
//
// The engine runs CPU gradients on the calling thread, which is JavaScript's: a hook may call back. Gradients of a
// device run on threads of the engine's own while JavaScript waits for them, so calling back would deadlock there:
// such a hook is refused with an error instead.

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "entries.h"
#include "modes.h"

namespace xpmir {

namespace {

using torch::autograd::edge_list;
using torch::autograd::variable_list;

// A JavaScript function held by libtorch; see Graveyard for how it dies.
class SharedCallback {
 public:
  SharedCallback(State& state, Napi::Function function) : graveyard_(state.graveyard), callback_(new JsCallback()) {
    callback_->function = Napi::Persistent(function);
    callback_->thread = state.thread;
  }
  ~SharedCallback() { graveyard_->bury(std::move(callback_)); }
  SharedCallback(const SharedCallback&) = delete;
  SharedCallback& operator=(const SharedCallback&) = delete;

  // Calls the function with handles and returns what it returned. A JavaScript error is kept in the state and travels
  // on as a C++ one, for the engine to unwind.
  Napi::Value call(const std::vector<napi_value>& arguments) const {
    try {
      return callback_->function.Value().Call(arguments);
    } catch (const Napi::Error& error) {
      const Napi::Env env = callback_->function.Env();
      Napi::Object holder = Napi::Object::New(env);
      holder.Set("error", error.Value());
      State::of(env)->hook_error = Napi::Persistent(holder);
      throw std::runtime_error("a JavaScript function failed inside the autograd engine");
    }
  }
  State& state() const {
    if (std::this_thread::get_id() != callback_->thread)
      throw ArgumentError(
          "ERR_HOOK_THREAD",
          "Expected hooks in JavaScript only on gradients of CPU tensors but received one of another device: the "
          "engine computes those on its own thread while JavaScript waits, so the hook would deadlock");
    return *State::of(callback_->function.Env());
  }

 private:
  std::shared_ptr<Graveyard> graveyard_;
  std::unique_ptr<JsCallback> callback_;
};

// A list of tensors from the buffer: List of Tensor or Null.
variable_list read_tensors(State& state, WireReader& reader) {
  const WireValue value = reader.value();
  variable_list result;
  if (value.tag == Tag::Null) return result;
  if ((value.tag == Tag::Ints || value.tag == Tag::Floats) && value.count() == 0) return result;
  if (value.tag != Tag::List) throw ArgumentError("ERR_ARGUMENT", "Expected an array of Tensors");
  for (size_t i = 0; i < value.count(); i++) {
    const double tag = value.payload[1 + 2 * i];
    if (tag == static_cast<double>(Tag::Null))
      result.emplace_back();
    else if (tag == static_cast<double>(Tag::Tensor))
      result.push_back(state.tensors.get(value.payload[2 + 2 * i]));
    else
      throw ArgumentError("ERR_ARGUMENT", "Expected an array of Tensors");
  }
  return result;
}

WireReader arena_reader(State& state) {
  return WireReader(state.arena.data() + kFirst, state.arena.data() + state.arena.size());
}

variable_list fill_missing_gradients(const variable_list& tensors, variable_list gradients) {
  gradients.resize(tensors.size());
  return gradients;
}

Napi::Value write_tensors(State& state, const variable_list& tensors) {
  const size_t before = state.arena.size();
  WireWriter out(state.arena);
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined())
      out.tagged(Tag::Tensor, state.tensors.insert(tensor));
    else
      out.tagged(Tag::Null, 0);
  }
  out.finish(tensors.size());
  state.report_memory();
  return Napi::Boolean::New(state.env, state.arena.size() != before);
}

// backward(retainGraph, createGraph); tensors, their gradients and the inputs stand in the buffer.
Napi::Value backward(State& state, const Napi::CallbackInfo& info) {
  WireReader reader = arena_reader(state);
  const variable_list tensors = read_tensors(state, reader);
  const variable_list gradients = fill_missing_gradients(tensors, read_tensors(state, reader));
  const variable_list inputs = read_tensors(state, reader);
  const bool retain = boolean_argument(info, 0, "retainGraph");
  const bool create = boolean_argument(info, 1, "createGraph");
  const FlowStream stream(state.header(), state.streams);
  torch::autograd::backward(tensors, gradients, retain, create, inputs);
  state.report_memory();
  return state.env.Undefined();
}

// gradients(retainGraph, createGraph, allowUnused): like backward, the gradients of the inputs come back.
Napi::Value gradients(State& state, const Napi::CallbackInfo& info) {
  WireReader reader = arena_reader(state);
  const variable_list outputs = read_tensors(state, reader);
  const variable_list gradients = fill_missing_gradients(outputs, read_tensors(state, reader));
  const variable_list inputs = read_tensors(state, reader);
  const bool retain = boolean_argument(info, 0, "retainGraph");
  const bool create = boolean_argument(info, 1, "createGraph");
  const bool unused = boolean_argument(info, 2, "allowUnused");
  const FlowStream stream(state.header(), state.streams);
  return write_tensors(state, torch::autograd::grad(outputs, inputs, gradients, retain, create, unused));
}

Napi::Value grad_enabled(State& state, const Napi::CallbackInfo&) {
  return Napi::Boolean::New(state.env, c10::GradMode::is_enabled());
}

// registerHook(tensor, function(handle) -> handle | 0): the id that removeHook takes.
Napi::Value register_hook(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = state.tensors.get(number_argument(info, 0, "tensor"));
  if (!tensor.requires_grad())
    throw ArgumentError("ERR_AUTOGRAD",
                        "Expected a tensor that requires grad for registerHook but received one that does not");
  auto callback = std::make_shared<SharedCallback>(state, function_argument(info, 1, "hook"));
  const unsigned id = tensor.register_hook([callback](const at::Tensor& gradient) -> at::Tensor {
    State& owner = callback->state();
    const Napi::HandleScope scope(owner.env);
    const Napi::Value result = callback->call({Napi::Number::New(owner.env, owner.tensors.insert(gradient))});
    const double handle = result.IsNumber() ? result.As<Napi::Number>().DoubleValue() : 0;
    return handle == 0 ? at::Tensor() : owner.tensors.get(handle);
  });
  return Napi::Number::New(state.env, id);
}

Napi::Value remove_hook(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = state.tensors.get(number_argument(info, 0, "tensor"));
  const auto id = static_cast<unsigned>(integer_argument(info, 1, "hook", 0, 0xffffffff));
  tensor.remove_hook(id);
  return state.env.Undefined();
}

// A node of the graph whose backward is a JavaScript function from gradients of the outputs to those of the inputs.
class JsNode : public torch::autograd::Node {
 public:
  JsNode(edge_list&& edges, std::shared_ptr<SharedCallback> callback)
      : Node(std::move(edges)), callback_(std::move(callback)) {}

  variable_list apply(variable_list&& gradients) override {
    State& state = callback_->state();
    const Napi::HandleScope scope(state.env);
    Napi::Array handles = Napi::Array::New(state.env, gradients.size());
    for (size_t i = 0; i < gradients.size(); i++)
      handles.Set(static_cast<uint32_t>(i),
                  gradients[i].defined() ? state.tensors.insert(std::move(gradients[i])) : 0.0);
    const Napi::Value result = callback_->call({handles});
    variable_list inputs(num_outputs());
    if (!result.IsArray()) return inputs;
    const auto returned = result.As<Napi::Array>();
    for (uint32_t i = 0; i < returned.Length() && i < inputs.size(); i++) {
      const Napi::Value element = returned.Get(i);
      const double handle = element.IsNumber() ? element.As<Napi::Number>().DoubleValue() : 0;
      if (handle != 0) inputs[i] = state.tensors.get(handle);
    }
    return inputs;
  }
  std::string name() const override { return "JavaScriptFunctionBackward"; }

 private:
  std::shared_ptr<SharedCallback> callback_;
};

// Nodes are counted intrusively from libtorch 2.13 on and by shared_ptr before: the type of an edge tells.
using NodePointer = decltype(torch::autograd::Edge::function);
template <typename Pointer, typename NodeType>
Pointer make_node(edge_list&& edges, std::shared_ptr<SharedCallback> callback) {
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>)
    return std::make_shared<NodeType>(std::move(edges), std::move(callback));
  else
    return c10::make_intrusive<NodeType>(std::move(edges), std::move(callback));
}

// attachNode(function): inputs and outputs stand in the buffer; the outputs come back with the node as their history.
Napi::Value attach_node(State& state, const Napi::CallbackInfo& info) {
  WireReader reader = arena_reader(state);
  const variable_list inputs = read_tensors(state, reader);
  const variable_list outputs = read_tensors(state, reader);
  auto callback = std::make_shared<SharedCallback>(state, function_argument(info, 0, "backward"));
  const c10::AutoGradMode with_grad(true);
  const NodePointer node =
      make_node<NodePointer, JsNode>(torch::autograd::collect_next_edges(inputs), std::move(callback));
  variable_list attached;
  for (const at::Tensor& output : outputs) {
    at::Tensor fresh = output.detach();
    torch::autograd::set_history(fresh, node);
    attached.push_back(std::move(fresh));
  }
  return write_tensors(state, attached);
}

// Inside a node's backward: whether parameters may accumulate gradients there, which grad() forbids.
Napi::Value accumulates(State& state, const Napi::CallbackInfo&) {
  return Napi::Boolean::New(state.env, torch::autograd::Engine::get_default_engine().is_checkpoint_valid());
}

// Fails at the first NaN that a node's backward produces, and tells where its forward was called.
class NanCheck : public torch::autograd::FunctionPostHook {
 public:
  NanCheck(std::string node, std::string stack) : node_(std::move(node)), stack_(std::move(stack)) {}
  variable_list operator()(const variable_list& results, const variable_list& gradients) override {
    for (const at::Tensor& gradient : gradients)
      if (gradient.defined() && has_nan(gradient)) return results;  // not born here
    for (size_t i = 0; i < results.size(); i++) {
      if (results[i].defined() && has_nan(results[i]))
        throw ArgumentError("ERR_ANOMALY", "Function '" + node_ + "' returned nan values in its " + std::to_string(i) +
                                               "th output. Its forward was called here:\n" + stack_);
    }
    return results;
  }

 private:
  static bool has_nan(const at::Tensor& tensor) {
    if (!tensor.is_floating_point() && !tensor.is_complex()) return false;
    const c10::AutoGradMode no_grad(false);
    return tensor.isnan().any().item<bool>();
  }
  std::string node_;
  std::string stack_;
};

// watch(tensor, stack): checks what the backward of the operator that made this tensor returns.
Napi::Value watch(State& state, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = state.tensors.get(number_argument(info, 0, "tensor"));
  const std::string stack = string_argument(info, 1, "stack");
  const auto& node = tensor.grad_fn();
  if (node && node->post_hooks().empty()) node->add_post_hook(std::make_unique<NanCheck>(node->name(), stack));
  return state.env.Undefined();
}

Napi::Value grad_fn_name(State& state, const Napi::CallbackInfo& info) {
  const auto& node = state.tensors.get(number_argument(info, 0, "tensor")).grad_fn();
  if (!node) return state.env.Null();
  return Napi::String::New(state.env, node->name());
}

constexpr Entry kEntries[] = {
    {"backward", backward},        {"gradients", gradients},
    {"gradEnabled", grad_enabled}, {"registerHook", register_hook},
    {"removeHook", remove_hook},   {"attachNode", attach_node},
    {"accumulates", accumulates},  {"watch", watch},
    {"gradFnName", grad_fn_name},
};

}  // namespace

void export_autograd(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
