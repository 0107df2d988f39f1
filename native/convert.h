#pragma once
// The one table between JavaScript's values and libtorch's: which wire values a schema type takes, how they become an
// IValue, and how a result goes back. A type that is not here is an error that names it.

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <optional>
#include <string>
#include <vector>

#include "wire.h"

namespace xpmir {

class State;

enum class Kind {
  Unsupported,
  Tensor,
  Int,
  Float,
  Bool,
  Complex,
  Scalar,
  String,
  ScalarType,
  Layout,
  MemoryFormat,
  Device,
  Generator,
};

struct ParameterType {
  Kind kind = Kind::Unsupported;
  bool optional = false;           // None is accepted
  bool list = false;               // a list of `kind`
  bool optional_elements = false;  // Tensor?[]
  int size = 0;                    // int[2]: one value stands for two
  bool may_be_empty = false;       // int[2] stride=[]: left to the operator
  bool takes_number = false;       // a Tensor that may be given as a number, as in mul(x, 0.9)
};

ParameterType parameter_type(const c10::Argument& argument);

// Whether the value's kind fits: what overloads are chosen by.
bool fits_any(const State& state, const ParameterType& type, const WireValue& value);
inline bool fits(const State& state, const ParameterType& type, const WireValue& value) {
  if (value.tag == Tag::Tensor && !type.list) return type.kind == Kind::Tensor;
  return fits_any(state, type, value);
}

// Requires fits(); throws ArgumentRangeError codes for integers out of range.
c10::IValue to_ivalue(State& state, const ParameterType& type, const WireValue& value);

// The same for numbers that come from elsewhere, one or a list of them as the type is, by the same rules.
c10::IValue numbers_ivalue(const ParameterType& type, const std::vector<double>& numbers);

// Takes the value over.
void write_ivalue(State& state, WireWriter& out, c10::IValue&& value);

// `a list of integers`, `a Tensor or null`: for messages.
std::string expected_text(const ParameterType& type);
std::string received_text(const State& state, const WireValue& value);

}  // namespace xpmir
