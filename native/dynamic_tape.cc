// Tapes for more shapes than those that they were recorded with.

#include <algorithm>
#include <cmath>
#include <cstring>

#include <ATen/ScalarOps.h>

#include "dispatch.h"
#include "tape.h"

namespace xpmir {

namespace {

bool is_wrapped_number(const c10::IValue& value) {
  return value.isTensor() && value.toTensor().defined() && value.toTensor().dim() == 0 &&
         (value.toTensor().scalar_type() == at::kLong || value.toTensor().scalar_type() == at::kDouble);
}

std::optional<std::vector<double>> numbers_in(const c10::IValue& value) {
  if (value.isInt()) return std::vector<double>{static_cast<double>(value.toInt())};
  if (value.isDouble()) return std::vector<double>{value.toDouble()};
  if (is_wrapped_number(value)) return std::vector<double>{value.toTensor().item().toDouble()};
  if (!value.isIntList()) return std::nullopt;
  const std::vector<int64_t> list = value.toIntVector();
  return std::vector<double>(list.begin(), list.end());
}

// A number as it crosses: an integer where it is one.
at::Scalar scalar_of(double number) {
  const bool is_whole = std::trunc(number) == number && std::fabs(number) < 9e15;
  return is_whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
}

}  // namespace

Sizes sizes_of(const std::vector<at::Tensor>& tensors) {
  Sizes sizes;
  for (const at::Tensor& tensor : tensors)
    if (tensor.defined()) sizes.insert(sizes.end(), tensor.sizes().begin(), tensor.sizes().end());
  return sizes;
}

bool same_constant(const c10::IValue& a, const c10::IValue& b) {
  if (a.tagKind() != b.tagKind()) return false;
  if (a.isTensor()) {
    const at::Tensor& left = a.toTensor();
    const at::Tensor& right = b.toTensor();
    return left.scalar_type() == right.scalar_type() &&
           std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
  }
  if (a.isDouble()) return std::memcmp(&a.payload, &b.payload, sizeof(double)) == 0;
  if (a.isGenerator()) return a.toGenerator() == b.toGenerator();
  if (a.isList()) {
    const auto left = a.toList();
    const auto right = b.toList();
    if (left.size() != right.size()) return false;
    for (size_t i = 0; i < left.size(); i++)
      if (!same_constant(left.get(i), right.get(i))) return false;
    return true;
  }
  return a == b;
}

bool are_numbers(const c10::IValue& a, const c10::IValue& b) {
  const auto left = numbers_in(a);
  const auto right = numbers_in(b);
  return left && right && left->size() == right->size() && a.isIntList() == b.isIntList() &&
         a.isTensor() == b.isTensor();
}

c10::IValue constant_for(const Tape::Argument& argument, const Overload& overload, size_t place,
                         const std::vector<double>& numbers) {
  if (argument.formulas.empty()) return argument.constant;
  const auto number = [&](size_t i) { return numbers[static_cast<size_t>(argument.formulas[i])]; };
  if (argument.constant.isIntList()) {
    c10::List<int64_t> list = argument.constant.toIntList().copy();
    for (size_t i = 0; i < argument.formulas.size(); i++)
      if (argument.formulas[i] >= 0) list.set(i, static_cast<int64_t>(number(i)));
    return list;
  }
  if (argument.constant.isTensor()) {
    at::Tensor tensor = c10::scalar_to_tensor(scalar_of(number(0)));
    tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
    return tensor;
  }
  const Kind kind = overload.parameters[place].type.kind;
  if (kind == Kind::Float) return number(0);
  if (kind == Kind::Int) return static_cast<int64_t>(number(0));
  return scalar_of(number(0));
}

std::shared_ptr<Tape> Tape::generalise(const std::vector<std::shared_ptr<const Tape>>& recordings,
                                       std::string& problem) {
  const Tape& first = *recordings[0];
  std::vector<Sizes> samples;
  for (const auto& recording : recordings) {
    problem = recording->model_ || recording->sizes_.size() != first.sizes_.size()
                  ? "it is no recording"
                  : first.difference(*recording, /*but_for_numbers=*/true);
    if (!problem.empty()) return nullptr;
    samples.push_back(recording->sizes_);
  }
  auto tape = std::make_shared<Tape>(first);
  auto model = std::make_shared<SizeModel>(std::move(samples));
  for (size_t i = 0; i < tape->calls_.size(); i++) {
    Call& call = tape->calls_[i];
    for (size_t j = 0; j < call.arguments.size(); j++) {
      Argument& argument = call.arguments[j];
      if (argument.kind != Argument::Kind::Constant || !argument.rates.empty()) continue;
      const auto constant_in = [&](const auto& recording) { return recording->calls_[i].arguments[j].constant; };
      const bool is_same = std::all_of(recordings.begin(), recordings.end(), [&](const auto& recording) {
        return same_constant(argument.constant, constant_in(recording));
      });
      if (is_same) continue;
      if (call.script) {
        problem = "a TorchScript method is given another number";
        return nullptr;
      }
      std::vector<std::vector<double>> seen;
      for (const auto& recording : recordings) seen.push_back(*numbers_in(constant_in(recording)));
      for (size_t k = 0; k < seen[0].size(); k++) {
        std::vector<double> values;
        for (const auto& each : seen) values.push_back(each[k]);
        const bool varies = std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) != values.end();
        argument.formulas.push_back(varies ? model->explain(values) : -1);
        if (!varies || argument.formulas.back() >= 0) continue;
        problem = call.overload->handle.schema().name() + ": " + call.overload->parameters[j].name +
                  " does not follow from the sizes of the arguments";
        return nullptr;
      }
    }
  }
  tape->model_ = std::move(model);
  return tape;
}

}  // namespace xpmir
