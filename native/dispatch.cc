#include "dispatch.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include "compiled.h"
#include "error.h"
#include "modes.h"
#include "plain_call.h"
#include "state.h"

namespace xpmir {

namespace {

constexpr size_t kMostArguments = 64;

struct GivenArgument {
  WireValue value;
  int name_id;  // -1 for a positional one
};

// A call as it was read: fixed space, since no schema comes near the bound.
struct Call {
  std::array<GivenArgument, kMostArguments> given;
  size_t positional = 0;
  size_t total = 0;
};

Call read_call(State& state, size_t positional, size_t named) {
  if (positional > kMostArguments || named > kMostArguments - positional)
    throw ArgumentError("ERR_ARGUMENT",
                        "Expected at most 64 arguments but received " + std::to_string(positional + named));
  const Arena& arena = state.arena;
  WireReader reader(arena.data() + kFirst, arena.data() + arena.size());
  Call call;
  call.positional = positional;
  call.total = positional + named;
  for (size_t i = 0; i < positional; i++) call.given[i] = {reader.value(), -1};
  for (size_t i = positional; i < call.total; i++) {
    const double name = reader.number();
    if (!state.strings.contains(name))
      throw ArgumentError("ERR_ARGUMENT", "Expected an interned name for a keyword argument");
    call.given[i] = {reader.value(), static_cast<int>(name)};
  }
  return call;
}

// Which given argument each parameter takes (-1: its default). `why` is filled when the overload does not fit.
struct Binding {
  std::array<int8_t, kMostArguments> source;
  std::array<double, kMostArguments> payload;  // its first slot, which the reply is written over
};

int named_parameter(const Overload& overload, int name_id) {
  for (size_t i = 0; i < overload.parameters.size(); i++)
    if (overload.parameters[i].name_id == name_id) return static_cast<int>(i);
  return -1;
}

bool bind(const State& state, const Overload& overload, const Call& call, Binding& binding, std::string* why) {
  const size_t count = overload.parameters.size();
  if (!overload.supported || count > kMostArguments) {
    if (why) *why = "no JavaScript form for the type of " + overload.unsupported;
    return false;
  }
  if (call.positional > overload.positional) {
    if (why) {
      *why = "Expected at most " + std::to_string(overload.positional) + " positional arguments but received " +
             std::to_string(call.positional);
    }
    return false;
  }
  binding.source.fill(-1);
  size_t taken = 0;
  for (size_t g = 0; g < call.total; g++) {
    const GivenArgument& given = call.given[g];
    const int at = g < call.positional ? static_cast<int>(g) : named_parameter(overload, given.name_id);
    if (at < 0) {
      if (why) *why = "Expected the name of a parameter but received " + state.strings.at(given.name_id).text;
      return false;
    }
    const auto& parameter = overload.parameters[static_cast<size_t>(at)];
    if (given.value.tag == Tag::Default) continue;
    if (binding.source[static_cast<size_t>(at)] >= 0) {
      if (why) *why = "Expected one value for " + parameter.name + " but received two";
      return false;
    }
    if (!fits(state, parameter.type, given.value)) {
      if (why)
        *why = "Expected " + expected_text(parameter.type) + " for " + parameter.name + " but received " +
               received_text(state, given.value);
      return false;
    }
    binding.source[static_cast<size_t>(at)] = static_cast<int8_t>(g);
    if (overload.returns_self) binding.payload[static_cast<size_t>(at)] = *given.value.payload;
    taken++;
  }
  if (taken == call.total && taken == call.positional && taken >= overload.required) return true;
  for (size_t i = 0; i < count; i++) {
    if (binding.source[i] < 0 && !overload.parameters[i].fallback) {
      if (why)
        *why = "Expected " + expected_text(overload.parameters[i].type) + " for " + overload.parameters[i].name +
               " but received nothing";
      return false;
    }
  }
  return true;
}

[[noreturn]] void refuse(const State& state, const OperatorGroup& group, const Call& call) {
  std::string message = group.name + ": ";
  std::string candidates;
  bool first = true;
  for (const Overload& overload : group.overloads) {
    Binding binding;
    std::string why;
    if (bind(state, overload, call, binding, &why)) continue;
    if (first) message += why;
    first = false;
    candidates += "\n  " + overload.text + (group.overloads.size() > 1 ? "\n    " + why : "");
  }
  throw ArgumentError("ERR_ARGUMENT", message + "\nCandidates:" + candidates);
}

// Tells a recorder where the rates among the numbers of a call went.
void note_rates(State& state, const Overload& overload, const Call& call, const Binding& binding) {
  for (size_t i = 0; i < overload.parameters.size(); i++) {
    if (binding.source[i] < 0) continue;
    const WireValue& value = call.given[static_cast<size_t>(binding.source[i])].value;
    const auto slot = static_cast<size_t>(value.payload - state.arena.data());
    const bool is_list = value.tag == Tag::Ints || value.tag == Tag::Floats;
    state.recorder->rate(i, is_list ? slot + 1 : slot, is_list ? value.count() : 1);
  }
  state.recorder->forget_rates();
}

void write_results(State& state, const Overload& overload, torch::jit::Stack& stack, const Binding& binding) {
  WireWriter out(state.arena);
  for (size_t i = 0; i < stack.size(); i++) {
    const int self = i < overload.returned_self.size() ? overload.returned_self[i] : -1;
    const int source = self >= 0 ? binding.source[static_cast<size_t>(self)] : -1;
    if (source >= 0 && stack[i].isTensor())
      out.tagged(Tag::Self, binding.payload[static_cast<size_t>(self)]);
    else if (i < overload.returns_dtype.size() && overload.returns_dtype[i] && stack[i].isInt())
      out.tagged(Tag::String, state.strings.intern(dtype_name(stack[i].toScalarType())));
    else
      write_ivalue(state, out, std::move(stack[i]));
  }
  out.finish(stack.size());
}

}  // namespace

std::string camel_case(const std::string& name) {
  size_t begin = name.find_first_not_of('_');
  if (begin == std::string::npos) return name;
  const size_t end = name.find_last_not_of('_') + 1;
  std::string result = name.substr(0, begin);
  for (bool upper = false; begin < end; begin++) {
    if (name[begin] == '_') {
      upper = true;
      continue;
    }
    result += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[begin]))) : name[begin];
    upper = false;
  }
  return result + name.substr(end);
}

namespace {
// The operators whose Python binding takes a number for a tensor and thus never calls their Scalar overload. The two
// differ in the last bits where the dtype is narrower than the number (bfloat16, float16).
bool takes_numbers(const std::string& name) {
  static const std::array<const char*, 8> names{"aten::add",    "aten::sub",        "aten::mul",
                                                "aten::div",    "aten::multiply",   "aten::subtract",
                                                "aten::divide", "aten::true_divide"};
  const std::string base = !name.empty() && name.back() == '_' ? name.substr(0, name.size() - 1) : name;
  return base == "aten::floor_divide" || std::find(names.begin(), names.end(), base) != names.end();
}
}  // namespace

Overload::Overload(const c10::OperatorHandle& operator_handle, StringTable& strings) : handle(operator_handle) {
  const c10::FunctionSchema& schema = handle.schema();
  std::ostringstream rendered;
  rendered << schema;
  text = rendered.str();
  positional = 0;
  for (const c10::Argument& argument : schema.arguments()) {
    Parameter parameter{parameter_type(argument), argument.name(), strings.intern(camel_case(argument.name())),
                        argument.kwarg_only(), argument.default_value()};
    if (!parameter.fallback && argument.kwarg_only() && parameter.type.optional) parameter.fallback = c10::IValue();
    parameter.type.takes_number =
        parameter.type.kind == Kind::Tensor && !parameter.keyword_only && takes_numbers(schema.name());
    if (parameter.type.kind == Kind::Unsupported) {
      // A parameter that may be left out keeps the rest of the operator usable.
      if (!parameter.fallback) supported = false;
      unsupported = argument.name() + " (" + argument.real_type()->str() + ")";
    }
    if (!parameter.keyword_only) positional++;
    if (argument.alias_info() != nullptr) is_pure = false;
    if (argument.alias_info() != nullptr && argument.alias_info()->isWrite()) written.push_back(parameters.size());
    parameters.push_back(std::move(parameter));
    if (!parameters.back().fallback) required = parameters.size();
  }
  for (const c10::Argument& result : schema.returns()) {
    int self = -1;
    const c10::AliasInfo* alias = result.alias_info();
    if (alias != nullptr && alias->isWrite()) {
      for (size_t i = 0; i < schema.arguments().size(); i++) {
        const c10::AliasInfo* argument = schema.arguments()[i].alias_info();
        if (argument != nullptr && argument->isWrite() && argument->beforeSets() == alias->beforeSets())
          self = static_cast<int>(i);
      }
    }
    returned_self.push_back(self);
    returns_self = returns_self || self >= 0;
    returns_dtype.push_back(result.real_type()->kind() == c10::TypeKind::ScalarTypeType);
  }
  is_pure = is_pure && handle.hasComputedKernelForDispatchKey(c10::DispatchKey::CPU);
  guard = guard_for(*this);
}

int OperatorTable::find(const std::string& qualified_name, const std::string& overload) {
  const std::string key =
      overload.empty() ? qualified_name : qualified_name + "." + (overload == "default" ? "" : overload);
  if (const auto found = ids_.find(key); found != ids_.end()) return found->second;
  if (qualified_name.find("::") == std::string::npos) return -1;
  auto group = std::make_unique<OperatorGroup>();
  group->name = overload.empty() || overload == "default" ? qualified_name : key;
  const std::string wanted = overload == "default" ? "" : overload;
  for (const auto& candidate : torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(qualified_name))) {
    const c10::FunctionSchema& schema = candidate->schema();
    if (!overload.empty() && schema.overload_name() != wanted) continue;
    const auto handle = c10::Dispatcher::singleton().findSchema(schema.operator_name());
    if (handle) group->overloads.emplace_back(*handle, strings_);
  }
  if (group->overloads.empty()) return -1;
  groups_.push_back(std::move(group));
  const int id = static_cast<int>(groups_.size()) - 1;
  ids_.emplace(key, id);
  return id;
}

const OperatorGroup& OperatorTable::at(double index) const {
  if (!(index >= 0 && index < static_cast<double>(groups_.size())))
    throw ArgumentError("ERR_ARGUMENT", "Expected the index of an operator but received " + std::to_string(index));
  return *groups_[static_cast<size_t>(index)];
}

const char* OperatorTable::name(double index) const {
  return index >= 0 && index < static_cast<double>(groups_.size()) ? groups_[static_cast<size_t>(index)]->name.c_str()
                                                                   : "call";
}

void call_operator(State& state, double group_index, size_t positional, size_t named) {
  const OperatorGroup& group = state.operators.at(group_index);
  const Call call = read_call(state, positional, named);
  Binding binding;
  for (const Overload& overload : group.overloads) {
    if (!bind(state, overload, call, binding, nullptr)) continue;
    // A call inside of this one, from a hook, finds no spare stack and makes its own.
    torch::jit::Stack stack = std::move(state.spare_stack);
    stack.clear();
    for (size_t i = 0; i < overload.parameters.size(); i++) {
      const int source = binding.source[i];
      if (source < 0)
        stack.push_back(*overload.parameters[i].fallback);
      else
        stack.push_back(to_ivalue(state, overload.parameters[i].type, call.given[static_cast<size_t>(source)].value));
    }
    if (overload.guard != nullptr) overload.guard(overload, stack);
    if (state.steps) {
      for (const size_t place : overload.written) wait_for_steps(state, stack[place]);
    }
    const double header = state.header();
    if (state.recorder) {
      state.recorder->before(overload, header, stack);
      if (state.recorder->has_rates()) note_rates(state, overload, call, binding);
    }
    if (header == 0 && overload.is_pure && needs_no_autograd(stack)) {
      const at::AutoDispatchBelowADInplaceOrView below_autograd;
      overload.handle.callBoxed(stack);
    } else {
      const FlowStream stream(header, state.streams);
      const ModeGuard guard(modes_in(header));
      overload.handle.callBoxed(stack);
    }
    if (state.recorder) state.recorder->after(stack);
    write_results(state, overload, stack, binding);
    stack.clear();
    state.spare_stack = std::move(stack);
    state.report_memory();
    return;
  }
  refuse(state, group, call);
}

std::vector<std::string> list_schemas() {
  std::vector<std::string> result;
  for (const auto& candidate : torch::jit::getAllOperators()) {
    if (!c10::Dispatcher::singleton().findSchema(candidate->schema().operator_name())) continue;
    std::ostringstream text;
    text << candidate->schema();
    result.push_back(text.str());
  }
  return result;
}

}  // namespace xpmir
