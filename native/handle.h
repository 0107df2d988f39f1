#pragma once
// Tensors as numbers. JavaScript holds an index with a generation; the table holds the one reference behind it.
// A forged or stale number is an error, never a wild pointer, which is why no JavaScript object is ever unwrapped.

#include <ATen/core/Tensor.h>
#include <c10/util/flat_hash_map.h>

#include <cstdint>
#include <vector>

namespace xpmir {

class HandleTable {
 public:
  // Handles fit in a double: 32 bits of index, 20 of generation.
  double insert(at::Tensor tensor);
  // Throws ArgumentError when the handle was released or never given out.
  const at::Tensor& get(double handle) const {
    const Slot* slot = find(handle);
    if (slot == nullptr) refuse();
    return slot->tensor;
  }
  bool contains(double handle) const { return find(handle) != nullptr; }
  // Drops the table's reference; false when it was dropped before. Never touches the storage itself.
  bool release(double handle);

  int64_t live() const { return live_; }
  // Bytes of the distinct storages behind live handles: a view adds nothing.
  int64_t bytes() const { return bytes_; }

 private:
  struct Slot {
    at::Tensor tensor;
    const void* storage = nullptr;  // the key under which its bytes are counted
    uint32_t generation = 0;
    uint32_t next_free = 0;
  };
  struct StorageUse {
    int64_t handles = 0;
    int64_t bytes = 0;
  };

  static constexpr double kIndexRange = 4294967296.0;  // 2^32
  static constexpr uint32_t kGenerationMask = (1u << 20) - 1;

  const Slot* find(double handle) const {
    if (!(handle >= 1 && handle < kIndexRange * (kGenerationMask + 1.0))) return nullptr;
    const auto bits = static_cast<uint64_t>(handle);
    const auto index = static_cast<uint32_t>(bits);
    if (static_cast<double>(bits) != handle || index >= slots_.size()) return nullptr;
    const Slot& slot = slots_[index];
    return slot.generation == static_cast<uint32_t>(bits >> 32) && slot.tensor.defined() ? &slot : nullptr;
  }
  [[noreturn]] static void refuse();
  void count(Slot& slot);
  void discount(Slot& slot);

  std::vector<Slot> slots_ = std::vector<Slot>(1);  // slot 0 stays empty, so that 0 is no handle
  ska::flat_hash_map<const void*, StorageUse> storages_;
  uint32_t first_free_ = 0;
  int64_t live_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace xpmir
