#pragma once
// A call of a method of a TorchScript module, as a tape has it.

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

namespace xpmir {

struct ScriptCall {
  torch::jit::Module module;
  std::string method;
  bool optimizes = true;

  std::string name() const { return "the method " + method + " of a TorchScript module"; }
  bool is(const ScriptCall& other) const {
    return module._ivalue() == other.module._ivalue() && method == other.method;
  }
  // Replaces the arguments by the tensors of the result, as one list.
  void run(torch::jit::Stack& stack) const;
  c10::IValue result(torch::jit::Stack stack) const;
  // All that the module and those in it have, in one order.
  std::vector<c10::IValue> attributes() const;
};

// Adds the tensors in a value, however they nest. Returns whether it has nothing else.
bool tensors_in(const c10::IValue& value, std::vector<at::Tensor>& tensors);

}  // namespace xpmir
