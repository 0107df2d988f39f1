// TorchScript: models that PyTorch scripted or traced, loaded from their bytes, called, and written again.
//
// A module is a number, as a tensor is; so is each of its submodules, which share its memory. What is a parameter or a
// buffer is asked for by name, and set by name, so that JavaScript may put a tensor of its own in the place.

#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/csrc/jit/serialization/import.h>

#include "compiled.h"
#include "entries.h"
#include "modes.h"
#include "script_call.h"
#include "script_of_tape.h"
#include "script_value.h"
#include "scripts.h"
#include "string_lists.h"
#include "tape.h"

namespace xpmir {

namespace {

using torch::jit::Module;

// The file as it lies in memory.
class Memory : public caffe2::serialize::ReadAdapterInterface {
 public:
  Memory(const char* data, size_t length) : data_(data), length_(length) {}
  size_t size() const override { return length_; }
  size_t read(uint64_t position, void* buffer, size_t count, const char*) const override {
    if (position >= length_) return 0;
    const size_t length = std::min(count, length_ - static_cast<size_t>(position));
    std::memcpy(buffer, data_ + position, length);
    return length;
  }

 private:
  const char* data_;
  size_t length_;
};

// scriptLoad(bytes, device): the number of the module; tensors go to `device`, or where they were when it is undefined.
Napi::Value load(State& state, const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw ArgumentError("ERR_ARGUMENT", "Expected a Uint8Array for bytes but received " + describe(info[0]));
  void* data = nullptr;
  napi_get_typedarray_info(info.Env(), info[0], nullptr, nullptr, &data, nullptr, nullptr);
  const size_t length = info[0].As<Napi::TypedArray>().ByteLength();
  std::optional<c10::Device> device;
  if (!info[1].IsUndefined()) {
    const std::string text = string_argument(info, 1, "device");
    device = state.strings.at(state.strings.intern(text)).device;
    if (!device) throw ArgumentError("ERR_ARGUMENT", "Expected a device for device but received \"" + text + "\"");
  }
  return number_new_script(
      state,
      torch::jit::load(std::make_shared<Memory>(static_cast<const char*>(data), data == nullptr ? 0 : length), device));
}

// scriptSave(module, extraFiles): the bytes of its file, with [name, bytes, ...] beside it.
Napi::Value save(State& state, const Napi::CallbackInfo& info) {
  if (!info[1].IsArray()) throw ArgumentError("ERR_ARGUMENT", "Expected an array for extraFiles");
  const Napi::Array given = info[1].As<Napi::Array>();
  torch::jit::ExtraFilesMap extra;
  for (uint32_t i = 0; i + 1 < given.Length(); i += 2) {
    const Napi::Value name = given.Get(i);
    const Napi::Value content = given.Get(i + 1);
    if (!name.IsString() || !content.IsTypedArray())
      throw ArgumentError("ERR_ARGUMENT", "Expected names and bytes for extraFiles");
    void* data = nullptr;
    napi_get_typedarray_info(info.Env(), content, nullptr, nullptr, &data, nullptr, nullptr);
    const size_t length = content.As<Napi::TypedArray>().ByteLength();
    extra[name.As<Napi::String>().Utf8Value()] =
        std::string(static_cast<const char*>(data), data == nullptr ? 0 : length);
  }
  std::vector<char> bytes;
  const auto write = [&](const void* data, size_t length) {
    bytes.insert(bytes.end(), static_cast<const char*>(data), static_cast<const char*>(data) + length);
    return length;
  };
  torch::jit::ExportModule(script_argument(state, info), write, extra);
  return Napi::Buffer<char>::Copy(state.env, bytes.data(), bytes.size());
}

Napi::Value release(State& state, const Napi::CallbackInfo& info) {
  scripts_of(state).modules.erase(number_argument(info, 0, "module"));
  return state.env.Undefined();
}

// scriptName(module): the name of the class that was scripted.
Napi::Value class_name(State& state, const Napi::CallbackInfo& info) {
  const auto name = script_argument(state, info).type()->name();
  return Napi::String::New(state.env, name ? name->name() : "");
}

enum class Member { Parameter, Buffer, Module, Assigned };

// scriptMembers(module): [kind, name, number, identity, ...] of its parameters, buffers and submodules in their order.
// The number is a tensor's, which has a handle of its own from here on, or a submodule's. The identity is the same for
// what several members share. A buffer is assigned where a method puts another tensor in its place.
Napi::Value members(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const auto type = module.type();
  const auto object = module._ivalue();
  const auto& assigned = scripts_of(state).assigned;
  Napi::Array result = Napi::Array::New(state.env);
  const auto add = [&](Member kind, const std::string& name, Napi::Value number, const void* identity) {
    result.Set(result.Length(), static_cast<double>(kind));
    result.Set(result.Length(), name);
    result.Set(result.Length(), number);
    result.Set(result.Length(), static_cast<double>(reinterpret_cast<uintptr_t>(identity)));
  };
  for (size_t i = 0; i < type->numAttributes(); i++) {
    const c10::IValue value = object->getSlot(i);
    const std::string& name = type->getAttributeName(i);
    if (type->getAttribute(i)->is_module() && value.isObject())
      add(Member::Module, name, number_script(state, Module(value.toObject())), &value.toObjectRef());
    else if (value.isTensor() && value.toTensor().defined() &&
             (type->is_parameter(i) || type->getAttribute(i)->isSubtypeOf(*c10::TensorType::get())))
      add(type->is_parameter(i)                     ? Member::Parameter
          : assigned.count({type.get(), name}) != 0 ? Member::Assigned
                                                    : Member::Buffer,
          name, Napi::Number::New(state.env, state.tensors.insert(value.toTensor())),
          value.toTensor().unsafeGetTensorImpl());
  }
  state.report_memory();
  return result;
}

// scriptSet(module, name, tensor): puts a tensor in the place of another one.
Napi::Value set_member(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const std::string name = string_argument(info, 1, "name");
  const at::Tensor& tensor = state.tensors.get(number_argument(info, 2, "tensor"));
  const auto slot = module.type()->findAttributeSlot(name);
  if (!slot || !module._ivalue()->getSlot(*slot).isTensor())
    throw ArgumentError("ERR_ARGUMENT", "Expected the name of a tensor of the module but received \"" + name + "\"");
  wait_idle(state);
  module._ivalue()->setSlot(*slot, tensor);
  return state.env.Undefined();
}

// scriptTrain(module, mode): of this module alone. One that was frozen has no mode.
Napi::Value train(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const bool mode = boolean_argument(info, 1, "mode");
  const auto slot = module.type()->findAttributeSlot("training");
  wait_idle(state);
  if (slot && module._ivalue()->getSlot(*slot).isBool()) module._ivalue()->setSlot(*slot, mode);
  return state.env.Undefined();
}

// scriptTraining(module): its mode; false where it has none.
Napi::Value training(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const auto slot = module.type()->findAttributeSlot("training");
  const bool mode = slot && module._ivalue()->getSlot(*slot).isBool() && module._ivalue()->getSlot(*slot).toBool();
  return Napi::Boolean::New(state.env, mode);
}

// scriptMethods(module): the names of what can be called, joined by ", ".
Napi::Value methods(State& state, const Napi::CallbackInfo& info) {
  return Napi::String::New(state.env, script_method_names(script_argument(state, info)));
}

// One value for each parameter behind `self`: by position, by name in a last dictionary, or the default.
torch::jit::Stack bind(State& state, const c10::FunctionSchema& schema, const std::vector<ScriptValue>& given) {
  const auto& parameters = schema.arguments();
  const size_t count = parameters.size() - 1;
  const bool named = !given.empty() && given.back().kind == ScriptValue::Kind::Mapping &&
                     (given.size() > count || !takes_mapping(parameters[given.size()].type()));
  const size_t positional = given.size() - (named ? 1 : 0);
  if (positional > count)
    throw ArgumentError("ERR_ARGUMENT", schema.name() + ": Expected at most " + std::to_string(count) +
                                            " arguments but received " + std::to_string(positional));
  std::vector<std::optional<c10::IValue>> values(count);
  for (size_t i = 0; i < positional; i++)
    values[i] = to_script_ivalue(state, parameters[i + 1].type(), given[i], parameters[i + 1].name());
  for (size_t i = 0; named && i + 1 < given.back().children.size(); i += 2) {
    const ScriptValue& key = given.back().children[i];
    const std::string name = key.kind == ScriptValue::Kind::Leaf && key.leaf.tag == Tag::String
                                 ? state.strings.at(*key.leaf.payload).text
                                 : "a key that is no string";
    const auto place = schema.argumentIndexWithName(name);
    if (!place || *place == 0 || values[static_cast<size_t>(*place) - 1])
      throw ArgumentError("ERR_ARGUMENT", schema.name() +
                                              ": Expected the name of a parameter that has no value yet "
                                              "but received " +
                                              name);
    values[static_cast<size_t>(*place) - 1] =
        to_script_ivalue(state, parameters[static_cast<size_t>(*place)].type(), given.back().children[i + 1], name);
  }
  torch::jit::Stack stack;
  for (size_t i = 0; i < count; i++) {
    if (!values[i]) values[i] = parameters[i + 1].default_value();
    if (!values[i])
      throw ArgumentError("ERR_ARGUMENT", schema.name() + ": Expected " + parameters[i + 1].type()->annotation_str() +
                                              " for " + parameters[i + 1].name() + " but received nothing");
    stack.push_back(std::move(*values[i]));
  }
  return stack;
}

// A call, with its arguments.
struct Asked {
  ScriptCall call;
  torch::jit::Stack stack;
};

// (module, method, shape): the arguments stand in the buffer, nested as `shape` says.
Asked asked_in(State& state, const Napi::CallbackInfo& info) {
  const Module module = script_argument(state, info);
  const std::string name = string_argument(info, 1, "method");
  const torch::jit::Method method = script_method(module, name);
  const std::vector<ScriptValue> given = read_script_values(state, string_argument(info, 2, "shape"));
  return {{module, name, scripts_of(state).optimizes}, bind(state, method.function().getSchema(), given)};
}

// scriptCall(module, method, shape): the arguments stand in the buffer, nested as `shape` says. Returns the shape of
// the result, as script_reply does.
Napi::Value call(State& state, const Napi::CallbackInfo& info) {
  Asked asked = asked_in(state, info);
  c10::IValue result;
  const double header = state.header();
  if (state.recorder) state.recorder->before(asked.call, header, asked.stack);
  {
    const FlowStream stream(header, state.streams);
    const ModeGuard guard(modes_in(header));
    result = asked.call.result(std::move(asked.stack));
  }
  if (state.recorder) state.recorder->after(result);
  return script_reply(state, result);
}

class ScriptJob : public PromisedJob {
 public:
  ScriptJob(State& state, Asked asked, double modes) : PromisedJob(state), asked_(std::move(asked)), modes_(modes) {}

 protected:
  std::optional<c10::Device> device() const override {
    std::vector<at::Tensor> tensors;
    for (const c10::IValue& each : asked_.stack) tensors_in(each, tensors);
    for (const at::Tensor& each : asked_.call.module.parameters()) tensors.push_back(each);
    for (const at::Tensor& each : tensors)
      if (!each.is_cpu()) return each.device();
    return std::nullopt;
  }
  void compute() override {
    std::vector<at::Tensor> given;
    for (const c10::IValue& each : asked_.stack) tensors_in(each, given);
    if (stream)
      for (const at::Tensor& each : given) stream->take(each);
    const ModeGuard guard(modes_);
    result_ = asked_.call.result(std::move(asked_.stack));
  }
  Napi::Value result() override {
    std::vector<at::Tensor> given;
    tensors_in(result_, given);
    if (stream)
      for (const at::Tensor& each : given) stream->hand_over(each);
    ScriptTable& scripts = scripts_of(state_);
    scripts.results.emplace(scripts.next, std::move(result_));
    return Napi::Number::New(state_.env, scripts.next++);
  }

 private:
  Asked asked_;
  double modes_;
  c10::IValue result_;
};

// scriptStart(module, method, shape): as scriptCall on the step thread; a promise of the number of the result.
Napi::Value start(State& state, const Napi::CallbackInfo& info) {
  return post_job(state, std::make_unique<ScriptJob>(state, asked_in(state, info), modes_in(state.header())));
}

// scriptTake(result): as scriptCall returns it; the number stands for nothing from then on.
Napi::Value take_result(State& state, const Napi::CallbackInfo& info) {
  auto& results = scripts_of(state).results;
  const auto found = results.find(number_argument(info, 0, "result"));
  if (found == results.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected the number of a result but received another one");
  const c10::IValue result = std::move(found->second);
  results.erase(found);
  return script_reply(state, result);
}

// scriptOfTape(tape, members, arguments, argumentNames, result, training): the number of a module whose forward is the
// tape. Members are [kind, path, type, ...]: "m" for modules, before what is in them, "p" for parameters and "b" for
// buffers, whose tensors stand in the buffer in this order.
Napi::Value of_tape(State& state, const Napi::CallbackInfo& info) {
  const auto tape = tape_at(state, number_argument(info, 0, "tape"));
  const std::vector<std::string> members = strings_argument(info, 1, "members");
  WireReader reader = arena_reader(state);
  const std::vector<at::Tensor> tensors = read_tensors(state, reader);
  ScriptNames names;
  names.arguments = string_argument(info, 2, "arguments");
  names.argument_names = strings_argument(info, 3, "argumentNames");
  names.result = string_argument(info, 4, "result");
  names.training = boolean_argument(info, 5, "training");
  size_t next = 0;
  for (size_t i = 0; i + 2 < members.size(); i += 3) {
    using Kind = ScriptNames::Member::Kind;
    const Kind kind = members[i] == "m" ? Kind::Module : members[i] == "p" ? Kind::Parameter : Kind::Buffer;
    if (kind != Kind::Module && next >= tensors.size())
      throw ArgumentError("ERR_ARGUMENT", "Expected a tensor for each parameter and buffer");
    names.members.push_back(
        {kind, members[i + 1], members[i + 2], kind == Kind::Module ? at::Tensor() : tensors[next++]});
  }
  return number_new_script(state, script_of_tape(*tape, names));
}

constexpr Entry kEntries[] = {
    {"scriptOfTape", of_tape},    {"scriptLoad", load},       {"scriptSave", save},      {"scriptRelease", release},
    {"scriptName", class_name},   {"scriptMembers", members}, {"scriptSet", set_member}, {"scriptTrain", train},
    {"scriptTraining", training}, {"scriptMethods", methods}, {"scriptCall", call},      {"scriptStart", start},
    {"scriptTake", take_result},
};

}  // namespace

void export_jit(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
