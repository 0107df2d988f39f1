#include "script_of_tape.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/frontend/error_report.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "dispatch.h"
#include "error.h"
#include "modes.h"
#include "script_call.h"
#include "script_nest.h"

namespace xpmir {

namespace {

using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::NamedValue;
using torch::jit::Node;
using torch::jit::Value;

std::pair<std::string, std::string> split_last(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? std::pair<std::string, std::string>("", path)
                                  : std::pair(path.substr(0, dot), path.substr(dot + 1));
}

}  // namespace

class ScriptOfTape {
 public:
  ScriptOfTape(const Tape& tape, const ScriptNames& names)
      : tape_(tape), names_(names), unit_(std::make_shared<torch::jit::CompilationUnit>()) {}

  Module module() {
    make_modules();
    self_ = graph_->addInput("self");
    self_->setType(root().type());
    beginning_ = graph_->insertNode(graph_->createNone());
    values_.resize(tape_.values_, nullptr);
    read_arguments();
    for (const Tape::Call& call : tape_.calls_) add(call);
    size_t output = 0;
    NestReader reader(names_.result);
    const Nest nest = reader.next();
    graph_->registerOutput(nested(nest, output));
    if (!reader.at_end() || output != tape_.outputs_.size()) mismatched("result");
    beginning_->destroy();
    graph_->lint();
    torch::jit::Function* forward =
        unit_->create_function(c10::QualifiedName(*root().type()->name(), "forward"), graph_);
    root().type()->addMethod(forward);
    return root();
  }

 private:
  const Module& root() { return module_at(""); }

  Module& module_at(const std::string& path) {
    const auto found = modules_.find(path);
    if (found == modules_.end())
      throw ArgumentError("ERR_ARGUMENT", "Expected the module " + path + " before what is in it");
    return found->second;
  }

  [[noreturn]] static void mismatched(const std::string& what) {
    throw ArgumentError("ERR_ARGUMENT", "Expected as many tensors in the structure of the " + what +
                                            " as it has but received another number");
  }

  void make_modules() {
    for (const ScriptNames::Member& member : names_.members) {
      if (member.kind != ScriptNames::Member::Kind::Module) {
        const auto [above, name] = split_last(member.path);
        Module& module = module_at(above);
        if (member.kind == ScriptNames::Member::Kind::Parameter)
          module.register_parameter(name, member.tensor, false);
        else
          module.register_buffer(name, member.tensor);
        places_.emplace(member.tensor.unsafeGetTensorImpl(), member.path);
        continue;
      }
      Module module(c10::QualifiedName("__torch__." + member.type), unit_, /*shouldMangle=*/true);
      module.register_attribute("training", c10::BoolType::get(), names_.training);
      modules_.emplace(member.path, module);
      if (member.path.empty()) continue;
      const auto [above, name] = split_last(member.path);
      module_at(above).register_module(name, module);
    }
  }

  void read_arguments() {
    NestReader reader(names_.arguments);
    size_t input = 0;
    for (const std::string& name : names_.argument_names) {
      const Nest nest = reader.next();
      Value* argument = graph_->addInput(name);
      argument->setType(nest.type());
      take_apart(nest, argument, input);
    }
    if (!reader.at_end() || input != tape_.inputs_) mismatched("arguments");
    add_sizes();
  }

  void take_apart(const Nest& nest, Value* value, size_t& input) {
    if (nest.kind == Nest::Kind::Tensor) {
      if (input >= tape_.inputs_) mismatched("arguments");
      inputs_.push_back(value);
      values_[input++] = value;
    } else if (nest.kind == Nest::Kind::Tuple) {
      const auto parts = graph_->insertNode(graph_->createTupleUnpack(value))->outputs();
      for (size_t i = 0; i < parts.size(); i++) take_apart(nest.children[i], parts[i], input);
    } else {
      for (size_t i = 0; i < nest.children.size(); i++)
        take_apart(nest.children[i], graph_->insert(c10::aten::__getitem__, {value, nest.keys[i]}), input);
    }
  }

  Value* nested(const Nest& nest, size_t& output) {
    if (nest.kind == Nest::Kind::Tensor) {
      if (output >= tape_.outputs_.size()) mismatched("result");
      return tensor(tape_.outputs_[output++]);
    }
    std::vector<Value*> parts;
    for (const Nest& child : nest.children) parts.push_back(nested(child, output));
    if (nest.kind == Nest::Kind::Tuple) return graph_->insertNode(graph_->createTuple(parts))->output();
    std::vector<Value*> keys;
    for (const std::string& key : nest.keys) keys.push_back(graph_->insertConstant(key));
    const c10::TypePtr type = nest.type()->expectRef<c10::DictType>().getValueType();
    return graph_->insertNode(graph_->createDict(c10::StringType::get(), type, keys, parts))->output();
  }

  // The numbers that follow from sizes, once for all calls.
  void add_sizes() {
    if (!tape_.model_) return;
    std::vector<Value*> free;
    for (const size_t size : tape_.model_->free_sizes()) {
      auto left = static_cast<int64_t>(size);
      size_t input = 0;
      while (left >= tape_.ranks_[input]) left -= tape_.ranks_[input++];
      free.push_back(graph_->insert(c10::aten::size, {inputs_[input], left}));
    }
    for (const SizeFormula& formula : tape_.model_->formulas()) numbers_.push_back(number(formula, free));
  }

  Value* number(const SizeFormula& formula, const std::vector<Value*>& free) {
    const SizeProduct& product = formula.product;
    Value* value = free[product.sizes[0]];
    size_t next = 1;
    if (product.with != 0) {
      value = graph_->insert(product.with > 0 ? c10::aten::add : c10::aten::sub, {value, free[product.sizes[1]]});
      next = 2;
    }
    for (; next < product.sizes.size(); next++)
      value = graph_->insert(c10::aten::mul, {value, free[product.sizes[next]]});
    using Form = SizeFormula::Form;
    switch (formula.form) {
      case Form::Whole:
        if (formula.scale != 1) value = graph_->insert(c10::aten::mul, {value, formula.scale});
        if (formula.offset != 0) value = graph_->insert(c10::aten::add, {value, formula.offset});
        if (formula.divisor != 1) value = graph_->insert(c10::aten::floordiv, {value, formula.divisor});
        return value;
      case Form::Inverse:
        return graph_->insert(c10::aten::div, {formula.times, real(value)});
      case Form::Root:
      case Form::InverseRoot:
        value = graph_->insert(c10::aten::sqrt, {real(value)});
        if (formula.form == Form::InverseRoot) return graph_->insert(c10::aten::div, {formula.times, value});
        break;
      case Form::Share:
        value = real(value);
        break;
    }
    return formula.times == 1 ? value : graph_->insert(c10::aten::mul, {formula.times, value});
  }

  Value* real(Value* number) {
    return number->type()->kind() == c10::TypeKind::FloatType ? number : graph_->insert(c10::aten::Float, {number});
  }

  Value* none() { return graph_->insertConstant(c10::IValue()); }

  Value* tensor(const TapeItem& item) {
    if (item.value >= 0) {
      Value* value = values_[static_cast<size_t>(item.value)];
      if (value == nullptr) refuse_tape("takes a tensor before it is there");
      return value;
    }
    if (!item.held.defined()) return none();
    const c10::TensorImpl* key = item.held.unsafeGetTensorImpl();
    const auto known = held_.find(key);
    if (known != held_.end()) return known->second;
    return held_.emplace(key, held(item.held)).first->second;
  }

  // Of the module where it is one of its own, and a constant otherwise. All of them come first.
  Value* held(const at::Tensor& tensor) {
    const torch::jit::WithInsertPoint beginning(beginning_);
    const auto place = places_.find(tensor.unsafeGetTensorImpl());
    if (place != places_.end()) return attribute(place->second);
    if (tensor.requires_grad())
      refuse_tape("uses a tensor that requires a gradient and is no parameter of the module: give it as an argument");
    return graph_->insertConstant(tensor.detach().clone());
  }

  Value* attribute(const std::string& path) {
    if (path.empty()) return self_;
    const auto known = attributes_.find(path);
    if (known != attributes_.end()) return known->second;
    const auto [above, name] = split_last(path);
    return attributes_.emplace(path, graph_->insertGetAttr(attribute(above), name)).first->second;
  }

  Value* list(const c10::TypePtr& type, const std::vector<TapeItem>& items) {
    std::vector<Value*> elements;
    for (const TapeItem& item : items) elements.push_back(tensor(item));
    return graph_->insertNode(graph_->createList(type, elements))->output();
  }

  Value* computed(const Tape::Argument& argument, Kind kind) {
    if (!argument.constant.isIntList()) {
      Value* value = numbers_[static_cast<size_t>(argument.formulas[0])];
      return kind == Kind::Float ? real(value) : value;
    }
    const std::vector<int64_t> constants = argument.constant.toIntVector();
    std::vector<Value*> elements;
    for (size_t i = 0; i < constants.size(); i++) {
      const int formula = argument.formulas[i];
      elements.push_back(formula < 0 ? graph_->insertConstant(constants[i]) : numbers_[static_cast<size_t>(formula)]);
    }
    return graph_->insertNode(graph_->createList(c10::IntType::get(), elements))->output();
  }

  Value* value_of(const Tape::Argument& argument, const Overload::Parameter& parameter) {
    switch (argument.kind) {
      case Tape::Argument::Kind::Tensor:
        return tensor(argument.items[0]);
      case Tape::Argument::Kind::List:
        return list(c10::TensorType::get(), argument.items);
      case Tape::Argument::Kind::OptionalList:
        return list(c10::OptionalType::ofTensor(), argument.items);
      case Tape::Argument::Kind::Constant:
        break;
    }
    if (!argument.formulas.empty()) return computed(argument, parameter.type.kind);
    const c10::IValue& constant = argument.constant;
    if (constant.isGenerator()) refuse_tape("draws from a generator of its own");
    // A number in the place of a tensor.
    if (constant.isTensor()) {
      const at::Scalar number = constant.toTensor().item();
      if (number.isComplex()) return graph_->insertConstant(number.toComplexDouble());
      if (number.isFloatingPoint()) return graph_->insertConstant(number.toDouble());
      return number.isBoolean() ? graph_->insertConstant(number.toBool()) : graph_->insertConstant(number.toLong());
    }
    return graph_->insertConstant(constant);
  }

  void add(const Tape::Call& call) {
    if (call.script) refuse_tape("calls " + call.script->name() + ": save that module by itself");
    if (call.modes >= kGradModes) refuse_tape("computes under autocast: trace it without, and cast in Python");
    const std::string& name = call.overload->handle.schema().name();
    std::vector<NamedValue> positional;
    std::vector<NamedValue> keywords;
    for (size_t i = 0; i < call.arguments.size(); i++) {
      const Overload::Parameter& parameter = call.overload->parameters[i];
      Value* value = value_of(call.arguments[i], parameter);
      if (!parameter.keyword_only)
        positional.emplace_back(value);
      else if (call.arguments[i].kind != Tape::Argument::Kind::Constant || !call.arguments[i].constant.isNone())
        keywords.emplace_back(parameter.name, value);
    }
    Value* result = nullptr;
    try {
      result = graph_->insert(c10::Symbol::fromQualString(name), positional, keywords);
    } catch (const torch::jit::ErrorReport& error) {
      refuse_tape("calls " + call.overload->text + " in a way that TorchScript has no form for");
    }
    give(call, result);
  }

  void give(const Tape::Call& call, Value* result) {
    const int mode = static_cast<int>(call.modes) % kGradModes;
    const bool detaches = (mode == kNoGrad || mode == kInference) && !call.overload->returns_self;
    const auto give_one = [&](Value* value, size_t place) {
      if (place >= call.results.size())
        refuse_tape("calls " + call.overload->text + ", whose results are not as recorded");
      const int number = call.results[place];
      if (number < 0) return;
      values_[static_cast<size_t>(number)] = detaches ? graph_->insert(c10::aten::detach, {value}) : value;
    };
    const auto give_all = [&](Value* value, size_t& place) {
      if (value->type()->kind() == c10::TypeKind::ListType) {
        const size_t length = call.results.size() - place;
        for (Value* element : graph_->insertNode(graph_->createListUnpack(value, length))->outputs())
          give_one(element, place++);
      } else {
        give_one(value, place++);
      }
    };
    size_t place = 0;
    if (call.overload->handle.schema().returns().size() > 1) {
      for (Value* part : graph_->insertNode(graph_->createTupleUnpack(result))->outputs()) give_all(part, place);
    } else if (!call.overload->handle.schema().returns().empty()) {
      give_all(result, place);
    }
  }

  const Tape& tape_;
  const ScriptNames& names_;
  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  std::shared_ptr<Graph> graph_ = std::make_shared<Graph>();
  std::unordered_map<std::string, Module> modules_;
  std::unordered_map<const c10::TensorImpl*, std::string> places_;
  std::unordered_map<const c10::TensorImpl*, Value*> held_;
  Value* self_ = nullptr;
  std::unordered_map<std::string, Value*> attributes_;
  Node* beginning_ = nullptr;
  std::vector<Value*> inputs_;
  std::vector<Value*> values_;
  std::vector<Value*> numbers_;
};

Module script_of_tape(const Tape& tape, const ScriptNames& names) { return ScriptOfTape(tape, names).module(); }

}  // namespace xpmir
