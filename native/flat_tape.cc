#include "flat_tape.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <utility>

#include "error.h"

namespace xpmir {

namespace {

thread_local FlatRecorder* recording = nullptr;

bool has_kernel(const c10::OperatorHandle& op, c10::DispatchKey key) { return op.hasKernelForDispatchKey(key); }

// Whether autocast stands between this call and its kernel: it calls the operator again, with other tensors.
bool autocasts(const c10::OperatorHandle& op, c10::DeviceType device, c10::DispatchKey key) {
  return at::autocast::is_autocast_enabled(device) && has_kernel(op, key) &&
         !c10::impl::tls_local_dispatch_key_set().excluded_.has(key);
}

// Whether a call of it is nothing but calls of others, above autograd.
bool is_made_of_others(const c10::OperatorHandle& op) {
  using Key = c10::DispatchKey;
  if (autocasts(op, c10::kCPU, Key::AutocastCPU) || autocasts(op, c10::kCUDA, Key::AutocastCUDA)) return true;
  return has_kernel(op, Key::CompositeImplicitAutograd) && !has_kernel(op, Key::CPU) && !has_kernel(op, Key::CUDA) &&
         !has_kernel(op, Key::CompositeExplicitAutograd);
}

// A number that stands in a tensor's place: made without an operator, the same in every run.
bool is_number(const at::Tensor& tensor) { return tensor.unsafeGetTensorImpl()->is_wrapped_number(); }

// What lies in a tensor as its strides say, and nothing else.
bool is_plain(const at::Tensor& tensor) {
  return tensor.layout() == c10::kStrided && tensor.has_storage() && !tensor.is_conj() && !tensor.is_neg() &&
         !tensor._is_zerotensor();
}

// Operators without a tensor among their results whose answer depends on shapes and modes only.
bool is_decided_by_shapes(const std::string& name) { return name == "aten::_fused_sdp_choice"; }

}  // namespace

void FlatTape::push(torch::jit::Stack& stack, std::vector<at::Tensor>& values, const Argument& argument) const {
  switch (argument.kind) {
    case Argument::Kind::Constant:
      stack.push_back(argument.constant);
      return;
    case Argument::Kind::Value:
      stack.emplace_back(values[static_cast<size_t>(argument.value)]);
      return;
    case Argument::Kind::LastUse:
      stack.emplace_back(std::move(values[static_cast<size_t>(argument.value)]));
      return;
    case Argument::Kind::List:
      stack.push_back(list_of(values, argument.items));
      return;
    case Argument::Kind::OptionalList:
      stack.push_back(optional_list_of(values, argument.items));
      return;
  }
}

std::vector<at::Tensor> FlatTape::run(const std::vector<at::Tensor>& inputs) const {
  TORCH_CHECK(inputs.size() == inputs_, "a tape of ", inputs_, " inputs was given ", inputs.size());
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  std::vector<at::Tensor> values = inputs;
  values.resize(values_);
  torch::jit::Stack stack;
  for (const Call& call : calls_) {
    stack.clear();
    for (const Argument& argument : call.arguments) push(stack, values, argument);
    call.op.callBoxed(stack);
    size_t at = 0;
    const auto keep = [&](at::Tensor&& tensor) {
      TORCH_CHECK(at < call.results.size(), "an operator returned more tensors than when it was recorded");
      const int value = call.results[at++];
      if (value >= 0) values[static_cast<size_t>(value)] = std::move(tensor);
    };
    for (c10::IValue& result : stack) {
      if (result.isTensor()) {
        keep(std::move(result).toTensor());
      } else if (result.isTensorList()) {
        for (at::Tensor& element : result.toTensorVector()) keep(std::move(element));
      } else {
        at++;
      }
    }
    TORCH_CHECK(at == call.results.size(), "an operator returned fewer tensors than when it was recorded");
    for (const int value : call.last) values[static_cast<size_t>(value)].reset();
  }
  std::vector<at::Tensor> outputs;
  outputs.reserve(outputs_.size());
  for (const Item& item : outputs_) outputs.push_back(take(values, item));
  return outputs;
}

FlatRecorder::FlatRecorder(const std::vector<at::Tensor>& inputs, Known known) : known_(std::move(known)) {
  tape_->inputs_ = inputs.size();
  for (const at::Tensor& input : inputs) {
    if (!is_plain(input) || !input.is_cpu()) failed_ = true;
    if (failed_) break;
    // A tensor that is given twice has two places, and the last one stands for both.
    note(input);
  }
  recording = this;
  handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&FlatRecorder::start, &FlatRecorder::end)
                                           .needsInputs(true)
                                           .needsOutputs(true)
                                           .scopes({at::RecordScope::FUNCTION}));
}

FlatRecorder::~FlatRecorder() {
  at::removeCallback(handle_);
  recording = nullptr;
}

std::unique_ptr<at::ObserverContext> FlatRecorder::start(const at::RecordFunction& function) {
  if (recording != nullptr) recording->before(function);
  return nullptr;
}

void FlatRecorder::end(const at::RecordFunction& function, at::ObserverContext*) {
  if (recording != nullptr) recording->after(function);
}

namespace {
std::optional<c10::OperatorHandle> operator_of(const at::RecordFunction& function) {
  const auto name = function.operator_name();
  return name ? c10::Dispatcher::singleton().findSchema(*name) : std::nullopt;
}
}  // namespace

void FlatRecorder::before(const at::RecordFunction& function) {
  if (failed_) return;
  const auto op = operator_of(function);
  // What has no schema is no operator: a node of the engine.
  if (!op || (depth_ == 0 && is_made_of_others(*op))) return;
  if (depth_++ > 0) return;
  FlatTape::Call call{*op, {}, {}, {}};
  const auto inputs = function.inputs();
  failed_ = inputs.size() != op->schema().arguments().size();
  for (const c10::IValue& input : inputs) {
    std::optional<FlatTape::Argument> made = argument(input);
    if (!made) {
      failed_ = true;
      return;
    }
    call.arguments.push_back(std::move(*made));
  }
  tape_->calls_.push_back(std::move(call));
}

void FlatRecorder::after(const at::RecordFunction& function) {
  if (failed_) return;
  const auto op = operator_of(function);
  if (!op || (depth_ == 0 && is_made_of_others(*op))) return;
  if (--depth_ > 0) return;
  FlatTape::Call& call = tape_->calls_.back();
  const auto& outputs = function.outputs();
  failed_ = outputs.size() != op->schema().returns().size();
  bool gives_tensors = false;
  for (const c10::IValue& output : outputs) {
    if (output.isTensor()) {
      gives_tensors = true;
      call.results.push_back(note(output.toTensor()));
    } else if (output.isTensorList()) {
      gives_tensors = true;
      for (const at::Tensor& tensor : output.toTensorVector()) call.results.push_back(note(tensor));
    } else {
      call.results.push_back(-1);
    }
  }
  if (gives_tensors || op->schema().is_mutable()) return;
  if (is_decided_by_shapes(op->schema().name()))
    tape_->calls_.pop_back();
  else
    failed_ = true;  // a value that something may depend on
}

std::optional<FlatTape::Argument> FlatRecorder::argument(const c10::IValue& given) {
  using Kind = FlatTape::Argument::Kind;
  FlatTape::Argument made;
  if (given.isTensor()) {
    const at::Tensor& tensor = given.toTensor();
    const std::optional<Item> found = item(tensor);
    if (!found) return std::nullopt;
    made.kind = found->value < 0 ? Kind::Constant : Kind::Value;
    made.value = found->value;
    made.constant = found->held;
    return made;
  }
  const auto add = [&](const at::Tensor& tensor) {
    std::optional<Item> found = item(tensor);
    if (found) made.items.push_back(std::move(*found));
    return found.has_value();
  };
  if (given.isTensorList()) {
    made.kind = Kind::List;
    for (const at::Tensor& tensor : given.toTensorVector())
      if (!add(tensor)) return std::nullopt;
  } else if (given.isOptionalTensorList()) {
    made.kind = Kind::OptionalList;
    for (const std::optional<at::Tensor>& tensor : given.toOptionalTensorVector())
      if (!add(tensor.value_or(at::Tensor()))) return std::nullopt;
  } else {
    made.constant = given;
  }
  return made;
}

std::optional<FlatTape::Item> FlatRecorder::item(const at::Tensor& tensor) {
  Item item;
  if (!tensor.defined()) return item;
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  if (const auto found = by_impl_.find(impl); found != by_impl_.end()) {
    item.value = seen_[found->second].value;
    return item;
  }
  if (known_.count(impl) != 0 || is_number(tensor)) {
    item.held = tensor;
    return item;
  }
  if (!is_plain(tensor)) return std::nullopt;
  const auto [first, last] =
      by_storage_.equal_range(tensor.unsafeGetTensorImpl()->unsafe_storage().unsafeGetStorageImpl());
  const Seen* latest = nullptr;
  for (auto each = first; each != last; ++each) {
    const Seen& seen = seen_[each->second];
    const bool same = seen.offset == tensor.storage_offset() && seen.dtype == tensor.scalar_type() &&
                      tensor.sizes() == seen.sizes && tensor.strides() == seen.strides;
    if (same && (latest == nullptr || seen.value > latest->value)) latest = &seen;
  }
  if (latest == nullptr) return std::nullopt;
  item.value = latest->value;
  return item;
}

// A result as a value; -1 for none, or for what is held.
int FlatRecorder::note(const at::Tensor& tensor) {
  if (!tensor.defined()) return -1;
  const c10::TensorImpl* impl = tensor.unsafeGetTensorImpl();
  if (known_.count(impl) != 0) return -1;
  if (!is_plain(tensor)) {
    failed_ = true;
    return -1;
  }
  const int value = static_cast<int>(tape_->values_++);
  const auto& storage = tensor.storage();
  by_impl_[impl] = seen_.size();
  by_storage_.emplace(storage.unsafeGetStorageImpl(), seen_.size());
  seen_.push_back({c10::weak_intrusive_ptr<c10::TensorImpl>(tensor.getIntrusivePtr()), storage.getWeakStorageImpl(),
                   tensor.sizes().vec(), tensor.strides().vec(), tensor.storage_offset(), tensor.scalar_type(), value});
  return value;
}

std::shared_ptr<const FlatTape> FlatRecorder::finish(const std::vector<at::Tensor>& outputs) {
  for (const at::Tensor& output : outputs) {
    std::optional<Item> found = item(output);
    failed_ = failed_ || !found;
    if (found) tape_->outputs_.push_back(std::move(*found));
  }
  if (failed_ || depth_ > 0) return nullptr;
  note_last_uses();
  return std::move(tape_);
}

void FlatRecorder::note_last_uses() {
  using Kind = FlatTape::Argument::Kind;
  constexpr size_t kNever = 0;
  std::vector<FlatTape::Call>& calls = tape_->calls_;
  std::vector<size_t> last(tape_->values_, kNever);
  const auto use = [&](int value, size_t at) {
    if (value >= 0) last[static_cast<size_t>(value)] = at;
  };
  for (size_t i = 0; i < calls.size(); i++) {
    for (const FlatTape::Argument& argument : calls[i].arguments) {
      use(argument.value, i + 1);
      for (const Item& each : argument.items) use(each.value, i + 1);
    }
    for (const int value : calls[i].results) use(value, i + 1);
  }
  for (const Item& output : tape_->outputs_) use(output.value, calls.size() + 1);
  for (size_t value = 0; value < last.size(); value++) {
    if (last[value] == kNever || last[value] > calls.size()) continue;
    FlatTape::Call& call = calls[last[value] - 1];
    const int wanted = static_cast<int>(value);
    // Moved into the call where that is its only use there, so that the operator may be the last owner.
    const auto is_it = [&](const FlatTape::Argument& argument) {
      return argument.value == wanted || std::any_of(argument.items.begin(), argument.items.end(),
                                                     [&](const Item& each) { return each.value == wanted; });
    };
    const auto uses = std::count_if(call.arguments.begin(), call.arguments.end(), is_it);
    const bool returned = std::find(call.results.begin(), call.results.end(), wanted) != call.results.end();
    const auto at = std::find_if(call.arguments.begin(), call.arguments.end(), is_it);
    if (uses == 1 && !returned && at->kind == Kind::Value)
      at->kind = Kind::LastUse;
    else
      call.last.push_back(wanted);
  }
}

}  // namespace xpmir
