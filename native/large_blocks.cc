#include "large_blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

namespace xpmir {

namespace {

constexpr size_t kPage = 4096;
// Huge pages save most of the time that clearing pages takes, where the system gives them to who asks.
constexpr size_t kHugePage = size_t{1} << 21;

// What may be kept beyond the most that was live at one time: sizes that are live at different moments of a step wait
// side by side. Clearing a page anew costs more than all that is done in it.
size_t with_slack(size_t most) { return most + most / 16 + (size_t{1} << 25); }

// Blocks that all begin where a page does would share few lines of the cache: they begin at other lines of their page,
// in turn.
constexpr size_t kLine = 64;
constexpr size_t kTurn = 17;  // odd, so that all lines of a page have theirs

void* page_of(void* block) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(block) & ~static_cast<uintptr_t>(kPage - 1));
}

// Eight sizes for every doubling, so that lengths that differ a little share blocks.
size_t rounded(size_t bytes) {
  size_t step = kPage;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

void* LargeBlocks::take(size_t bytes) {
  const size_t size = rounded(bytes);
  if (size < bytes) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  void* block = kept_for(size, size);
  const size_t most = with_slack(most_bytes_);
  const bool is_room = live_bytes_ + kept_bytes_ + size <= most;
  // Without room for one more, a block that is too large by less than itself is better than a fresh one.
  if (block == nullptr && !is_room) block = kept_for(size, 2 * size);
  if (block == nullptr) {
    while (kept_bytes_ > 0 && live_bytes_ + kept_bytes_ + size > most) unmap_largest();
    block = map(size);
    while (block == nullptr && kept_bytes_ > 0) {
      unmap_largest();
      block = map(size);
    }
    if (block == nullptr) return nullptr;
    live_.emplace(block, size);
    live_bytes_ += size;
  }
  most_bytes_ = std::max(most_bytes_, live_bytes_);
  return block;
}

bool LargeBlocks::give(void* block) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = live_.find(block);
  if (found == live_.end()) return false;
  kept_[found->second].push_back(block);
  live_bytes_ -= found->second;
  kept_bytes_ += found->second;
  live_.erase(found);
  return true;
}

void LargeBlocks::empty() {
  const std::lock_guard<std::mutex> lock(mutex_);
  while (kept_bytes_ > 0) unmap_largest();
  most_bytes_ = live_bytes_;
}

// The smallest kept block of a size from `bytes` to `most`; it is live from then on.
void* LargeBlocks::kept_for(size_t bytes, size_t most) {
  const auto found = kept_.lower_bound(bytes);
  if (found == kept_.end() || found->first > most) return nullptr;
  void* block = found->second.back();
  const size_t size = found->first;
  found->second.pop_back();
  if (found->second.empty()) kept_.erase(found);
  live_.emplace(block, size);
  kept_bytes_ -= size;
  live_bytes_ += size;
  return block;
}

void* LargeBlocks::map(size_t bytes) {
  void* block = mmap(nullptr, bytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return nullptr;
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(block, bytes + kPage, MADV_HUGEPAGE);
#endif
  line_ = (line_ + kTurn) % (kPage / kLine);
  return static_cast<char*>(block) + line_ * kLine;
}

void LargeBlocks::unmap_largest() {
  const auto last = std::prev(kept_.end());
  munmap(page_of(last->second.back()), last->first + kPage);
  kept_bytes_ -= last->first;
  last->second.pop_back();
  if (last->second.empty()) kept_.erase(last);
}

}  // namespace xpmir
