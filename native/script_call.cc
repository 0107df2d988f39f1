#include "script_call.h"

#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>

#include "tape.h"

namespace xpmir {

c10::IValue ScriptCall::result(torch::jit::Stack stack) const {
  const torch::jit::GraphOptimizerEnabledGuard guard(optimizes);
  return module.get_method(method)(std::move(stack));
}

void ScriptCall::run(torch::jit::Stack& stack) const {
  std::vector<at::Tensor> tensors;
  tensors_in(result(std::move(stack)), tensors);
  stack.clear();
  stack.emplace_back(std::move(tensors));
}

namespace {
void add_attributes(const c10::ivalue::Object& object, std::vector<const c10::ivalue::Object*>& seen,
                    std::vector<c10::IValue>& attributes) {
  if (std::find(seen.begin(), seen.end(), &object) != seen.end()) return;
  seen.push_back(&object);
  for (const c10::IValue& slot : object.slots()) {
    if (slot.isObject())
      add_attributes(slot.toObjectRef(), seen, attributes);
    else
      attributes.push_back(slot);
  }
}
}  // namespace

std::vector<c10::IValue> ScriptCall::attributes() const {
  std::vector<c10::IValue> attributes;
  std::vector<const c10::ivalue::Object*> seen;
  add_attributes(*module._ivalue(), seen, attributes);
  return attributes;
}

bool tensors_in(const c10::IValue& value, std::vector<at::Tensor>& tensors) {
  bool only = true;
  if (value.isTensor()) {
    if (value.toTensor().defined()) tensors.push_back(value.toTensor());
    return value.toTensor().defined();
  }
  if (value.isList()) {
    for (const c10::IValue& element : value.toList().vec()) only = tensors_in(element, tensors) && only;
  } else if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) only = tensors_in(element, tensors) && only;
  } else if (value.isGenericDict()) {
    // Keys are numbers and strings, and as constant as the order of a dictionary.
    for (const auto& entry : value.toGenericDict()) only = tensors_in(entry.value(), tensors) && only;
  } else {
    return false;
  }
  return only;
}

void Recorder::before(ScriptCall script, double header, const torch::jit::Stack& arguments) {
  Tape::Call call;
  call.script = std::make_shared<const ScriptCall>(std::move(script));
  for (const c10::IValue& given : arguments) {
    call.arguments.push_back(argument(given));
    std::vector<at::Tensor> nested;
    tensors_in(call.arguments.back().constant, nested);
    if (!nested.empty()) refuse("gives tensors inside of a tuple or dictionary to " + call.script->name());
  }
  attributes_ = call.script->attributes();
  for (const c10::IValue& attribute : attributes_) {
    if (!attribute.isTensor() || !attribute.toTensor().defined()) continue;
    call.around.push_back(item(attribute.toTensor()));
    // Some kernels change buffers without saying so.
    if (!attribute.toTensor().requires_grad()) note_mutated({call.around.back()});
  }
  begin(std::move(call), header);
}

void Recorder::after(const c10::IValue& result) {
  const Tape::Call& call = tape_->calls_.back();
  const std::vector<c10::IValue> now = call.script->attributes();
  const bool same = std::equal(now.begin(), now.end(), attributes_.begin(), attributes_.end(),
                               [](const c10::IValue& a, const c10::IValue& b) { return a.is(b); });
  attributes_.clear();
  if (!same) refuse("puts other values into the attributes of a TorchScript module in " + call.script->name());
  std::vector<at::Tensor> tensors;
  if (!tensors_in(result, tensors)) refuse("reads a value with " + call.script->name());
  for (const at::Tensor& tensor : tensors) give(tensor);
}

}  // namespace xpmir
