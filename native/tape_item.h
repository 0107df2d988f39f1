#pragma once
// Tensors among the arguments of calls that were written down, and how they stand on the stack of a call.

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <optional>
#include <utility>
#include <vector>

namespace xpmir {

// A tensor: one that a tape computes or is given, or one that it holds, such as a parameter. Neither: none.
struct TapeItem {
  int value = -1;
  at::Tensor held;
};

inline at::Tensor take(const std::vector<at::Tensor>& values, const TapeItem& item) {
  return item.value < 0 ? item.held : values[static_cast<size_t>(item.value)];
}

inline c10::IValue list_of(const std::vector<at::Tensor>& values, const std::vector<TapeItem>& items) {
  c10::List<at::Tensor> list;
  list.reserve(items.size());
  for (const TapeItem& item : items) list.push_back(take(values, item));
  return list;
}

inline c10::IValue optional_list_of(const std::vector<at::Tensor>& values, const std::vector<TapeItem>& items) {
  c10::List<std::optional<at::Tensor>> list;
  list.reserve(items.size());
  for (const TapeItem& item : items) {
    at::Tensor tensor = take(values, item);
    list.push_back(tensor.defined() ? std::optional<at::Tensor>(std::move(tensor)) : std::nullopt);
  }
  return list;
}

}  // namespace xpmir
