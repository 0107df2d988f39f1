#pragma once
// Arguments and results of TorchScript, which nest where those of operators do not. The leaves stand in the shared
// buffer, one wire value after the other; how they nest is text beside it: `.` a leaf, `[..]` a list or tuple, `{..}` a
// dictionary whose keys and values alternate; in results `<..>` is one whose keys are of another type than strings.

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <string>
#include <vector>

#include "wire.h"

namespace xpmir {

class State;

struct ScriptValue {
  enum class Kind { Leaf, Sequence, Mapping };
  Kind kind = Kind::Leaf;
  WireValue leaf{};
  std::vector<ScriptValue> children;
};

// The values that `shape` describes, from the buffer; throws ArgumentError where the two do not belong together.
std::vector<ScriptValue> read_script_values(State& state, const std::string& shape);

// Converts by the type that the script declares; throws ArgumentError naming `name`.
c10::IValue to_script_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name);

// Whether a dictionary may be given for a parameter of this type, so that it is not taken for keyword arguments.
bool takes_mapping(const c10::TypePtr& type);

// Writes the leaves of a result, and appends its shape to `shape`.
void write_script_ivalue(State& state, WireWriter& out, size_t& leaves, std::string& shape, const c10::IValue& value);

}  // namespace xpmir
