#include "tape.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <sstream>

#include "dispatch.h"
#include "error.h"
#include "modes.h"
#include "script_call.h"
#include "streams.h"

namespace xpmir {

namespace {

// Operators whose results are no tensors but depend on nothing that a run of the same shapes could change.
bool describes_only(const std::string& name) {
  static const std::array<const char*, 17> names{"aten::size",          "aten::stride",
                                                 "aten::dim",           "aten::numel",
                                                 "aten::is_complex",    "aten::get_device",
                                                 "aten::is_contiguous", "aten::is_same_size",
                                                 "aten::result_type",   "aten::can_cast",
                                                 "aten::sparse_dim",    "aten::promote_types",
                                                 "aten::dense_dim",     "aten::is_floating_point",
                                                 "aten::is_leaf",       "aten::is_signed",
                                                 "aten::_version"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Normalisations write running means and variances without saying so in their schema.
bool writes_unsaid(const std::string& name) { return name.compare(0, 8, "running_") == 0; }

// What stands for a number in an operator that takes tensors only.
bool is_number(const at::Tensor& tensor) {
  return tensor.defined() && tensor.unsafeGetTensorImpl()->is_wrapped_number();
}

std::string text_of(const c10::IValue& value) {
  std::ostringstream out;
  if (value.isTensor())
    out << value.toTensor().item();
  else
    out << value;
  std::string text = out.str();
  if (text.size() > 80) text = text.substr(0, 80) + "...";
  return text;
}

// Counts changes in place; tensors of inference mode count none.
int64_t version_of(const at::Tensor& tensor) {
  return tensor.defined() && !tensor.is_inference() ? static_cast<int64_t>(tensor._version()) : 0;
}

bool same_item(const Tape::Item& a, const Tape::Item& b) {
  return a.value == b.value && a.held.unsafeGetTensorImpl() == b.held.unsafeGetTensorImpl();
}

bool same_items(const std::vector<Tape::Item>& a, const std::vector<Tape::Item>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_item);
}

std::string name_of(const Tape::Call& call) {
  return call.script ? call.script->name() : call.overload->handle.schema().name();
}

bool same_callee(const Tape::Call& a, const Tape::Call& b) {
  if (!a.script || !b.script) return a.overload == b.overload && !a.script == !b.script;
  return a.script->is(*b.script);
}

c10::IValue rated(const Tape::Call& call, size_t argument, const double* rates) {
  std::vector<double> numbers;
  for (const int rate : call.arguments[argument].rates) numbers.push_back(rates[rate]);
  return numbers_ivalue(call.overload->parameters[argument].type, numbers);
}

}  // namespace

std::vector<at::Tensor> Tape::run(std::vector<at::Tensor> inputs, const double* rates) const {
  TORCH_CHECK(inputs.size() == inputs_, "a tape of ", inputs_, " inputs was given ", inputs.size());
  TORCH_CHECK(rates_ == 0 || rates != nullptr, "a tape of ", rates_, " rates was given none");
  // What autocast cast before has another value by now, as at the end of a scope in JavaScript.
  if (autocasts_) at::autocast::clear_cache();
  std::optional<std::vector<double>> numbers;
  if (model_) {
    numbers = model_->at(sizes_of(inputs));
    TORCH_CHECK(numbers, "a tape was given tensors of sizes that it does not stand for");
  }
  std::vector<at::Tensor> values = std::move(inputs);
  values.resize(values_);
  torch::jit::Stack stack;
  std::optional<ModeGuard> guard;
  double modes = 0;
  for (const Call& call : calls_) {
    if (call.modes != modes) {
      guard.reset();
      guard.emplace(call.modes);
      modes = call.modes;
    }
    stack.clear();
    for (size_t i = 0; i < call.arguments.size(); i++) {
      const Argument& argument = call.arguments[i];
      switch (argument.kind) {
        case Argument::Kind::Constant:
          if (!argument.rates.empty())
            stack.push_back(rated(call, i, rates));
          else if (!argument.formulas.empty())
            stack.push_back(constant_for(argument, *call.overload, i, *numbers));
          else
            stack.push_back(argument.constant);
          break;
        case Argument::Kind::Tensor:
          stack.emplace_back(take(values, argument.items[0]));
          break;
        case Argument::Kind::List:
          stack.push_back(argument.constant.isNone() ? list_of(values, argument.items) : argument.constant);
          break;
        case Argument::Kind::OptionalList:
          stack.push_back(optional_list_of(values, argument.items));
          break;
      }
    }
    if (call.script) {
      call.script->run(stack);
    } else {
      if (call.overload->guard != nullptr) call.overload->guard(*call.overload, stack);
      call.overload->handle.callBoxed(stack);
    }
    size_t at = 0;
    for (c10::IValue& result : stack) {
      if (result.isTensor()) {
        const int value = call.results[at++];
        if (value >= 0) values[static_cast<size_t>(value)] = std::move(result).toTensor();
      } else if (result.isTensorList()) {
        for (const at::Tensor& element : result.toTensorVector()) {
          // A list of another length than the recorded one is caught by the comparison of results; not by a crash.
          TORCH_CHECK(at < call.results.size(),
                      "an operator of a tape returned more tensors than when it was recorded");
          const int value = call.results[at++];
          if (value >= 0) values[static_cast<size_t>(value)] = element;
        }
      } else {
        at++;
      }
    }
    TORCH_CHECK(at == call.results.size(), "an operator of a tape returned fewer tensors than when it was recorded");
    for (const int value : call.last) values[static_cast<size_t>(value)].reset();
  }
  if (autocasts_) at::autocast::clear_cache();
  std::vector<at::Tensor> outputs;
  outputs.reserve(outputs_.size());
  for (const Item& item : outputs_) outputs.push_back(take(values, item));
  return outputs;
}

void Tape::note_held(std::unordered_set<const c10::TensorImpl*>& held) const {
  const auto note = [&](const std::vector<Item>& items) {
    for (const Item& item : items)
      if (item.held.defined()) held.insert(item.held.unsafeGetTensorImpl());
  };
  for (const Call& call : calls_) {
    note(call.around);
    for (const Argument& argument : call.arguments) note(argument.items);
  }
}

std::string Tape::difference(const Tape& other, bool but_for_numbers) const {
  const auto numbers = model_ ? model_->at(other.sizes_) : std::vector<double>();
  if (!numbers) return "its sizes do not go together as before";
  for (size_t i = 0; i < std::max(calls_.size(), other.calls_.size()); i++) {
    if (i >= calls_.size() || i >= other.calls_.size())
      return std::to_string(calls_.size()) + " operators were called, and then " + std::to_string(other.calls_.size());
    const Call& a = calls_[i];
    const Call& b = other.calls_[i];
    const std::string name = name_of(a);
    if (!same_callee(a, b)) return name + " was called, and then " + name_of(b) + " in its place";
    if (a.modes != b.modes) return name + " was called in another grad or autocast mode";
    if (!same_items(a.around, b.around)) return name + " has other parameters or buffers than before";
    for (size_t j = 0; j < a.arguments.size(); j++) {
      const Argument& left = a.arguments[j];
      const Argument& right = b.arguments[j];
      const std::string where =
          name + ": " + (a.script ? "argument " + std::to_string(j + 1) : a.overload->parameters[j].name);
      if (left.kind != right.kind || !same_items(left.items, right.items))
        return where + " was one tensor, and then another one";
      if (left.rates != right.rates) return where + " was one rate, and then another one";
      if (left.kind != Argument::Kind::Constant || !left.rates.empty()) continue;
      if (but_for_numbers && are_numbers(left.constant, right.constant)) continue;
      const c10::IValue constant = left.formulas.empty() ? left.constant : constant_for(left, *a.overload, j, *numbers);
      if (!same_constant(constant, right.constant))
        return where + " was " + text_of(constant) + ", and then " + text_of(right.constant);
    }
    if (a.results != b.results) return name + " returned lists of different lengths";
  }
  const bool same_outputs = outputs_.size() == other.outputs_.size() && inputs_ == other.inputs_ &&
                            std::equal(outputs_.begin(), outputs_.end(), other.outputs_.begin(), same_item);
  return same_outputs ? "" : "other tensors were returned";
}

Recorder::Recorder(const std::vector<at::Tensor>& inputs, bool is_update, double stream, bool may_read)
    : is_update_(is_update), may_read_(may_read), stream_(stream) {
  tape_->inputs_ = inputs.size();
  tape_->sizes_ = sizes_of(inputs);
  for (const at::Tensor& input : inputs) {
    // Where one tensor is given twice, the first place stands for both.
    values_.emplace(input.unsafeGetTensorImpl(), static_cast<int>(tape_->values_));
    tape_->values_++;
    tape_->ranks_.push_back(input.dim());
    note_device(input);
    alive_.push_back(input);
    input_versions_.push_back(version_of(input));
  }
}

Tape::Item Recorder::item(const at::Tensor& tensor) {
  Tape::Item item;
  if (!tensor.defined()) return item;
  note_device(tensor);
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  if (const auto found = values_.find(impl); found != values_.end()) {
    item.value = found->second;
    return item;
  }
  if (held_index_.emplace(impl, held_.size()).second) held_.push_back({tensor, version_of(tensor)});
  item.held = tensor;
  return item;
}

int Recorder::value_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return -1;
  note_device(tensor);
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  if (const auto found = values_.find(impl); found != values_.end()) return found->second;
  if (held_index_.count(impl) != 0) return -1;  // an argument that came back
  const int value = static_cast<int>(tape_->values_++);
  values_.emplace(impl, value);
  alive_.push_back(tensor);
  return value;
}

Tape::Argument Recorder::argument(const c10::IValue& given) {
  Tape::Argument argument;
  if (given.isTensor() && !is_number(given.toTensor())) {
    argument.kind = Tape::Argument::Kind::Tensor;
    argument.items.push_back(item(given.toTensor()));
  } else if (given.isTensorList()) {
    argument.kind = Tape::Argument::Kind::List;
    for (const at::Tensor& tensor : given.toTensorVector()) argument.items.push_back(item(tensor));
  } else if (given.isOptionalTensorList()) {
    argument.kind = Tape::Argument::Kind::OptionalList;
    for (const std::optional<at::Tensor>& tensor : given.toOptionalTensorVector())
      argument.items.push_back(item(tensor.value_or(at::Tensor())));
  } else {
    argument.constant = given;
  }
  return argument;
}

void Recorder::note_mutated(const std::vector<Tape::Item>& items) {
  for (const Tape::Item& each : items)
    if (each.held.defined()) held_[held_index_.at(each.held.unsafeGetTensorImpl())].mutated = true;
}

void Recorder::begin(Tape::Call call, double header) {
  call.modes = modes_in(header);
  tape_->autocasts_ = tape_->autocasts_ || call.modes >= kGradModes;
  if (stream_in(header) != stream_) refuse("computes on a stream of its own");
  tape_->calls_.push_back(std::move(call));
}

void Recorder::note_device(const at::Tensor& tensor) {
  const c10::Device device = tensor.device();
  if (!device.is_cpu() && !tape_->device_) tape_->device_ = device;
  if (device.is_cpu() || device != tape_->device_) tape_->leaves_device_ = true;
}

void Recorder::before(const Overload& overload, double header, const torch::jit::Stack& arguments) {
  Tape::Call call;
  call.overload = &overload;
  call.arguments.reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); i++) {
    call.arguments.push_back(argument(arguments[i]));
    if (writes_unsaid(overload.parameters[i].name)) note_mutated(call.arguments.back().items);
  }
  // Fused operators count no versions.
  for (const size_t i : overload.written) note_mutated(call.arguments[i].items);
  begin(std::move(call), header);
}

void Recorder::rate(size_t argument, size_t slot, size_t count) {
  Tape::Argument& given = tape_->calls_.back().arguments[argument];
  for (size_t i = slot; i < slot + count; i++) {
    const auto found = noted_.find(i);
    if (found == noted_.end()) continue;
    given.rates.push_back(found->second);
    tape_->rates_ = std::max(tape_->rates_, static_cast<size_t>(found->second) + 1);
  }
  const bool fits = is_update_ && given.kind == Tape::Argument::Kind::Constant && !given.constant.isTensor();
  if (!given.rates.empty() && (given.rates.size() != count || !fits))
    refuse("gives a rate in another place than that of a number to " + name_of(tape_->calls_.back()));
}

void Recorder::after(const torch::jit::Stack& results) {
  for (const c10::IValue& result : results) {
    if (result.isTensor()) {
      give(result.toTensor());
    } else if (result.isTensorList()) {
      for (const at::Tensor& tensor : result.toTensorVector()) give(tensor);
    } else {
      tape_->calls_.back().results.push_back(-1);
      const std::string name = name_of(tape_->calls_.back());
      if (describes_only(name)) continue;
      if (!may_read_ || results.size() > 1) {
        refuse("reads a value with " + name);
      } else {
        reads_.push_back(name);
        tape_->calls_.pop_back();
      }
    }
  }
}

void Recorder::note_changes() {
  for (const Held& held : held_) {
    if (held.mutated || version_of(held.tensor) != held.version) tape_->mutated_.push_back(held.tensor);
  }
}

bool Recorder::changed_inputs() const {
  for (size_t i = 0; i < input_versions_.size(); i++)
    if (version_of(alive_[i]) != input_versions_[i]) return true;
  return false;
}

std::shared_ptr<Tape> Recorder::finish(const std::vector<at::Tensor>& outputs, std::string& problem) {
  problem = problem_;
  if (problem.empty() && !is_update_ && changed_inputs()) problem = "changes its arguments in place";
  if (!problem.empty()) return nullptr;
  std::vector<size_t> last(tape_->values_, 0);
  const auto use = [&](const Tape::Item& item, size_t at) {
    if (item.value >= 0) last[static_cast<size_t>(item.value)] = at;
  };
  for (size_t i = 0; i < tape_->calls_.size(); i++) {
    for (const Tape::Argument& argument : tape_->calls_[i].arguments)
      for (const Tape::Item& each : argument.items) use(each, i + 1);
    for (const int value : tape_->calls_[i].results)
      if (value >= 0) last[static_cast<size_t>(value)] = i + 1;
  }
  for (const at::Tensor& output : outputs) {
    tape_->outputs_.push_back(item(output));
    use(tape_->outputs_.back(), tape_->calls_.size() + 1);
  }
  for (size_t value = 0; value < last.size(); value++)
    if (last[value] > 0 && last[value] <= tape_->calls_.size())
      tape_->calls_[last[value] - 1].last.push_back(static_cast<int>(value));
  // A list of what the tape holds anyway is made once.
  for (Tape::Call& call : tape_->calls_) {
    for (Tape::Argument& argument : call.arguments) {
      const bool fixed = argument.kind == Tape::Argument::Kind::List &&
                         std::all_of(argument.items.begin(), argument.items.end(),
                                     [](const Tape::Item& each) { return each.value < 0; });
      if (!fixed) continue;
      c10::List<at::Tensor> list;
      for (const Tape::Item& each : argument.items) list.push_back(each.held);
      argument.constant = std::move(list);
    }
  }
  note_changes();
  return std::move(tape_);
}

}  // namespace xpmir
