#include "handle.h"

#include "error.h"

namespace xpmir {

namespace {
// What a tensor costs beside its storage: TensorImpl, StorageImpl, the JavaScript wrapper. V8 should see small tensors
// too.
constexpr int64_t kTensorOverhead = 512;
}  // namespace

double HandleTable::insert(at::Tensor tensor) {
  uint32_t index = first_free_;
  if (index != 0) {
    first_free_ = slots_[index].next_free;
  } else {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  Slot& slot = slots_[index];
  slot.tensor = std::move(tensor);
  count(slot);
  return static_cast<double>(index) + static_cast<double>(slot.generation) * kIndexRange;
}

void HandleTable::refuse() {
  throw ArgumentError("ERR_TENSOR_DISPOSED", "Expected a live tensor but received one that was disposed");
}

bool HandleTable::release(double handle) {
  Slot* slot = const_cast<Slot*>(find(handle));
  if (slot == nullptr) return false;
  discount(*slot);
  at::Tensor dying = std::move(slot->tensor);
  slot->tensor = at::Tensor();
  slot->generation = (slot->generation + 1) & kGenerationMask;
  slot->next_free = first_free_;
  first_free_ = static_cast<uint32_t>(slot - slots_.data());
  return true;  // dying ends here, after the table is consistent: its destructor may run hooks' destructors
}

void HandleTable::count(Slot& slot) {
  live_ += 1;
  bytes_ += kTensorOverhead;
  slot.storage = nullptr;
  if (!slot.tensor.has_storage()) return;
  slot.storage = slot.tensor.unsafeGetTensorImpl()->unsafe_storage().unsafeGetStorageImpl();
  if (slot.storage == nullptr) return;
  StorageUse& use = storages_[slot.storage];
  if (use.handles++ == 0) {
    use.bytes = static_cast<int64_t>(slot.tensor.storage().nbytes());
    bytes_ += use.bytes;
  }
}

void HandleTable::discount(Slot& slot) {
  live_ -= 1;
  bytes_ -= kTensorOverhead;
  if (slot.storage == nullptr) return;
  auto entry = storages_.find(slot.storage);
  if (entry == storages_.end()) return;
  if (--entry->second.handles == 0) {
    bytes_ -= entry->second.bytes;
    storages_.erase(entry);
  }
}

}  // namespace xpmir
