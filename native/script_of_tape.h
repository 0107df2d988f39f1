#pragma once
// A tape as TorchScript: a module whose forward calls the operators of the tape, with its parameters and buffers under
// the names of the model that was recorded.

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <string>
#include <vector>

#include "tape.h"

namespace xpmir {

struct ScriptNames {
  struct Member {
    enum class Kind : uint8_t { Module, Parameter, Buffer } kind;
    std::string path;  // names with dots between them, as in a state dict; that of the root is empty
    std::string type;  // of a module: the name of its class
    at::Tensor tensor;
  };
  std::vector<Member> members;  // modules before what is in them
  bool training = false;
  // How tensors nest: '.' is the next one, '[' and ']' are around a tuple, and '{' and '}' around a dictionary, in
  // which "length:name" stands before each.
  std::string arguments;
  std::vector<std::string> argument_names;
  std::string result;
};

// Throws an ArgumentError where the tape does what TorchScript has no form for.
torch::jit::Module script_of_tape(const Tape& tape, const ScriptNames& names);

}  // namespace xpmir
