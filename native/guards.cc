#include "guards.h"

#include <ATen/Functions.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "dispatch.h"
#include "error.h"

namespace xpmir {

namespace {

using torch::jit::Stack;

[[noreturn]] void refuse(const Overload& overload, const std::string& expected, const std::string& name) {
  throw ArgumentError("ERR_ARGUMENT", "Expected " + expected + " for " + name + " of " + overload.text);
}

// The argument of a name, or nullptr when the operator has no such parameter or it was left out.
const c10::IValue* argument(const Overload& overload, const Stack& arguments, const char* name) {
  for (size_t i = 0; i < overload.parameters.size(); i++)
    if (overload.parameters[i].name == name) return arguments[i].isNone() ? nullptr : &arguments[i];
  return nullptr;
}

const at::Tensor* tensor(const Overload& overload, const Stack& arguments, const char* name) {
  const c10::IValue* value = argument(overload, arguments, name);
  return value != nullptr && value->isTensor() ? &value->toTensor() : nullptr;
}

int64_t integer(const Overload& overload, const Stack& arguments, const char* name) {
  const c10::IValue* value = argument(overload, arguments, name);
  return value != nullptr && value->isInt() ? value->toInt() : 0;
}

// Each of these must have one value for each channel.
void check_channels(const Overload& overload, const Stack& arguments, int64_t channels,
                    std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const at::Tensor* values = tensor(overload, arguments, name);
    if (values != nullptr && (values->dim() != 1 || values->numel() != channels))
      refuse(overload, "a tensor of shape [" + std::to_string(channels) + "]", name);
  }
}

// The kernel reads as many weights and statistics as there are channels, whether or not they exist.
void batch_norm(const Overload& overload, const Stack& arguments) {
  const at::Tensor* input = tensor(overload, arguments, "input");
  if (input == nullptr || input->dim() < 2) refuse(overload, "a tensor of at least two dimensions", "input");
  check_channels(overload, arguments, input->size(1), {"weight", "bias", "running_mean", "running_var"});
  const c10::IValue* training = argument(overload, arguments, "training");
  if (training != nullptr && training->toBool()) return;
  for (const char* name : {"running_mean", "running_var"})
    if (tensor(overload, arguments, name) == nullptr) refuse(overload, "a Tensor when not training", name);
}

void group_norm(const Overload& overload, const Stack& arguments) {
  const at::Tensor* input = tensor(overload, arguments, "input");
  const int64_t batch = integer(overload, arguments, "N");
  const int64_t channels = integer(overload, arguments, "C");
  const int64_t positions = integer(overload, arguments, "HxW");
  const int64_t groups = integer(overload, arguments, "group");
  if (groups < 1 || channels % groups != 0) refuse(overload, "a positive divisor of C", "group");
  int64_t count = 0;
  const bool overflows =
      __builtin_mul_overflow(batch, channels, &count) || __builtin_mul_overflow(count, positions, &count);
  if (input == nullptr || batch < 0 || channels < 0 || positions < 0 || overflows || count != input->numel())
    refuse(overload, "the sizes of input", "N, C and HxW");
  check_channels(overload, arguments, channels, {"weight", "bias"});
}

// Sizes near 2^63 overflow in the arithmetic of windows; libtorch's own check is against 2^31, where it has one.
void window(const Overload& overload, const Stack& arguments) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  for (size_t i = 0; i < arguments.size(); i++) {
    if (arguments[i].isIntList()) {
      for (const int64_t value : arguments[i].toIntVector())
        if (value > kMost || value < -kMost) refuse(overload, "integers within 2^31", overload.parameters[i].name);
    }
  }
}

// In step: one kernel walks all lists by the length of the first.
void lists_in_step(const Overload& overload, const Stack& arguments) {
  int64_t length = -1;
  for (size_t i = 0; i < arguments.size(); i++) {
    if (!arguments[i].isList() || arguments[i].isIntList()) continue;
    const auto own = static_cast<int64_t>(arguments[i].toListRef().size());
    if (length < 0) length = own;
    if (own != length) refuse(overload, std::to_string(length) + " elements", overload.parameters[i].name);
  }
}

void two_hidden(const Overload& overload, const Stack& arguments) {
  const c10::IValue* hidden = argument(overload, arguments, "hx");
  if (hidden == nullptr || hidden->toListRef().size() != 2) refuse(overload, "two Tensors", "hx");
}

void not_empty(const Overload& overload, const Stack& arguments) {
  const c10::IValue* tensors = argument(overload, arguments, "tensors");
  if (tensors == nullptr || tensors->toListRef().empty()) refuse(overload, "at least one Tensor", "tensors");
}

void matrix(const Overload& overload, const Stack& arguments) {
  const at::Tensor* weight = tensor(overload, arguments, "input");
  if (weight == nullptr || weight->dim() != 2) refuse(overload, "a matrix", "input");
}

// The smallest integer divided by -1 has no result, which the processor reports by ending the process.
void truncating_division(const Overload& overload, const Stack& arguments) {
  const c10::IValue* mode = argument(overload, arguments, "rounding_mode");
  if (mode == nullptr || !mode->isString() || mode->toStringRef() != "trunc") return;
  const at::Tensor* self = tensor(overload, arguments, "self");
  if (self == nullptr || !at::isIntegralType(self->scalar_type(), true) || !self->device().is_cpu()) return;
  const int64_t least = self->scalar_type() == at::kLong  ? std::numeric_limits<int64_t>::min()
                        : self->scalar_type() == at::kInt ? std::numeric_limits<int32_t>::min()
                                                          : 0;
  if (least == 0) return;  // narrower ones are divided as int
  const c10::IValue* other = argument(overload, arguments, "other");
  const at::Tensor minus_one = at::eq(other->isTensor() ? other->toTensor() : at::scalar_tensor(other->toScalar()), -1);
  if (minus_one.any().item<bool>() && at::logical_and(at::eq(*self, least), minus_one).any().item<bool>())
    refuse(overload, "no " + std::to_string(least) + " that is divided by -1", "self");
}

// Its negative does not exist, and the loop over its bits never ends.
void matrix_power(const Overload& overload, const Stack& arguments) {
  if (integer(overload, arguments, "n") == std::numeric_limits<int64_t>::min())
    refuse(overload, "an integer above -2^63", "n");
}

void internal(const Overload& overload, const Stack&) {
  throw ArgumentError("ERR_NOT_IMPLEMENTED",
                      "Expected an operator for callers but received " + overload.text + ", which only libtorch calls");
}

// What operators divide by, or take for granted when they fill a list of layers.
constexpr std::array<const char*, 4> kCounts{"num_layers", "num_heads", "num_head", "num_kv_heads"};

void counts(const Overload& overload, const Stack& arguments) {
  for (const char* name : kCounts) {
    const c10::IValue* count = argument(overload, arguments, name);
    if (count != nullptr && count->isInt() && count->toInt() < 1) refuse(overload, "a positive integer", name);
  }
}

// Private operators leave the range of dimensions to the public ones that call them.
void dimensions(const Overload& overload, const Stack& arguments) {
  const at::Tensor* self = tensor(overload, arguments, "self");
  const c10::IValue* dim = argument(overload, arguments, "dim");
  if (self == nullptr || dim == nullptr) return;
  const int64_t most = std::max<int64_t>(self->dim(), 1);
  const auto check = [&](int64_t one) {
    if (one < -most || one >= most) refuse(overload, "dimensions that self has", "dim");
  };
  if (dim->isInt()) check(dim->toInt());
  if (!dim->isIntList()) return;
  std::vector<bool> seen(static_cast<size_t>(most));
  for (const int64_t one : dim->toIntVector()) {
    check(one);
    std::vector<bool>::reference is_seen = seen[static_cast<size_t>(one < 0 ? one + most : one)];
    if (is_seen) refuse(overload, "dimensions that differ", "dim");
    is_seen = true;
  }
}

void not_hollow(const Overload& overload, const Stack& arguments) {
  for (size_t i = 0; i < arguments.size(); i++)
    if (arguments[i].isTensor() && arguments[i].toTensor().numel() == 0)
      refuse(overload, "a tensor with elements", overload.parameters[i].name);
}

// It reads as many elements as it is told, and searches without end for a ratio that no range of values has.
void quantization_search(const Overload& overload, const Stack& arguments) {
  const at::Tensor* input = tensor(overload, arguments, "input");
  const int64_t count = integer(overload, arguments, "numel");
  if (input == nullptr || count < 1 || count > input->numel())
    refuse(overload, "at least 1 and at most the elements of input", "numel");
  const c10::IValue* ratio = argument(overload, arguments, "ratio");
  if (ratio == nullptr || !(ratio->toDouble() >= 0 && ratio->toDouble() <= 1))
    refuse(overload, "a number from 0 to 1", "ratio");
  const int64_t bins = integer(overload, arguments, "n_bins");
  if (bins < 1 || bins > (1 << 20)) refuse(overload, "an integer from 1 to 2^20", "n_bins");
  const int64_t bits = integer(overload, arguments, "bit_width");
  if (bits < 1 || bits > 8) refuse(overload, "an integer from 1 to 8", "bit_width");
}

// oneDNN takes shapes as they are, and reads behind a bias or an addend that is too short.
void fused_linear(const Overload& overload, const Stack& arguments) {
  const at::Tensor* input = tensor(overload, arguments, "X");
  const at::Tensor* weight = tensor(overload, arguments, "W");
  if (input == nullptr || input->dim() < 1) refuse(overload, "a tensor of at least one dimension", "X");
  if (weight == nullptr || weight->dim() != 2 || weight->size(1) != input->size(-1))
    refuse(overload, "a tensor of shape [N, " + std::to_string(input->size(-1)) + "]", "W");
  check_channels(overload, arguments, weight->size(0), {"B"});
  std::vector<int64_t> wanted = input->sizes().vec();
  wanted.back() = weight->size(0);
  const at::Tensor* other = tensor(overload, arguments, "other");
  if (other != nullptr && other->sizes() != wanted) refuse(overload, "a tensor of the shape of the result", "other");
}

bool starts_with(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

}  // namespace

Guard guard_for(const Overload& overload) {
  const std::string& name = overload.handle.schema().name();
  if (starts_with(name, "aten::_foreach_")) return lists_in_step;
  for (const char* family : {"aten::native_batch_norm", "aten::_native_batch_norm_legit", "aten::_batch_norm_no_update",
                             "aten::_batch_norm_with_update"})
    if (starts_with(name, family) && name.find("backward") == std::string::npos) return batch_norm;
  if (name == "aten::native_group_norm") return group_norm;
  if (name == "aten::quantized_lstm_cell") return two_hidden;
  if (name == "aten::_stack") return not_empty;
  if (starts_with(name, "aten::fbgemm_pack_gemm_matrix_fp16")) return matrix;
  if (name == "aten::div" || name == "aten::div_" || name == "aten::divide" || name == "aten::divide_")
    return truncating_division;
  if (name == "aten::matrix_power" || name == "aten::linalg_matrix_power") return matrix_power;
  if (starts_with(name, "aten::_weight_norm")) return not_hollow;
  if (name == "mkldnn::_linear_pointwise") return fused_linear;
  // The other operators that fuse what the scalars parametrize.
  for (const auto& parameter : overload.parameters)
    if (parameter.type.optional_elements && parameter.type.kind == Kind::Scalar) return internal;
  if (starts_with(name, "aten::choose_qparams_optimized")) return quantization_search;
  // They trust what the caller inside libtorch has checked or saved, and read beyond it otherwise.
  if (name.find("backward") != std::string::npos) {
    if (starts_with(name, "aten::_")) return internal;
    // They write where the indices point, unchecked.
    for (const auto& parameter : overload.parameters)
      if (parameter.name.find("indices") != std::string::npos) return internal;
  }
  for (const char* family :
       {"aten::mkldnn_rnn_layer", "aten::batch_norm_backward", "aten::gelu_backward",
        "aten::_transform_bias_rescale_qkv", "aten::_sobol_engine_", "aten::_nnpack_", "aten::_convert_indices_from_",
        "aten::_nested_compute_", "aten::_dyn_quant_", "aten::_reshape_alias",
        "aten::_new_zeros_with_same_feature_meta", "aten::_compute_linear_combination", "aten::_thnn_"})
    if (starts_with(name, family)) return internal;
  for (const auto& parameter : overload.parameters)
    if (parameter.name == "kernel_size") return window;
  for (const auto& parameter : overload.parameters)
    if (std::find(kCounts.begin(), kCounts.end(), parameter.name) != kCounts.end()) return counts;
  for (const auto& parameter : overload.parameters)
    if (parameter.name == "dim" && starts_with(name, "aten::_")) return dimensions;
  return nullptr;
}

}  // namespace xpmir
