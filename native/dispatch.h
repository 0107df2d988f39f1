#pragma once
// Any operator that the loaded libtorch has, through one door: found by name, overload chosen by kinds in declaration
// order, called boxed through the full dispatcher, so that autograd and autocast apply.

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/function_schema.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "convert.h"
#include "guards.h"
#include "wire.h"

namespace xpmir {

class State;

// One overload with everything that a call would otherwise look up.
struct Overload {
  explicit Overload(const c10::OperatorHandle& handle, StringTable& strings);

  c10::OperatorHandle handle;
  std::string text;  // the schema, for messages
  struct Parameter {
    ParameterType type;
    std::string name;
    int name_id;  // of the camelCase name, by which JavaScript gives keyword arguments
    bool keyword_only;
    std::optional<c10::IValue> fallback;
  };
  std::vector<Parameter> parameters;
  size_t positional;                // how many may be given by position
  size_t required = 0;              // how many at least, when all are given by position
  std::vector<int> returned_self;   // per return: the parameter that comes back mutated, or -1
  bool returns_self = false;        // whether any does
  std::vector<size_t> written;      // parameters that it changes in place
  bool is_pure = true;              // neither changes an argument nor returns one, or a view of one
  std::vector<bool> returns_dtype;  // per return: a ScalarType, which travels as an int
  bool supported = true;            // false when a type has no mapping; `unsupported` names it
  std::string unsupported;
  Guard guard = nullptr;
};

struct OperatorGroup {
  std::string name;  // aten::add, or aten::add.Tensor when one overload was asked for
  std::vector<Overload> overloads;
};

class OperatorTable {
 public:
  explicit OperatorTable(StringTable& strings) : strings_(strings) {}
  // Index of the group, or -1 when libtorch has no such operator.
  int find(const std::string& qualified_name, const std::string& overload);
  const OperatorGroup& at(double index) const;
  const char* name(double index) const;  // for messages, never throws

 private:
  StringTable& strings_;
  std::vector<std::unique_ptr<OperatorGroup>> groups_;
  std::unordered_map<std::string, int> ids_;
};

// Reads a call from the arena, runs it, writes the reply; the arena's header tells the modes that it runs in.
void call_operator(State& state, double group, size_t positional, size_t named);

// All schemas of the dispatcher in declaration order.
std::vector<std::string> list_schemas();

// index_select -> indexSelect; leading and trailing underscores stay. The same rule as lib/torch/naming.ts.
std::string camel_case(const std::string& name);

}  // namespace xpmir
