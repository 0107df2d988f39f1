#include "allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "large_blocks.h"

namespace xpmir {

namespace {

constexpr size_t kAlignment = 64;          // as libtorch's own
constexpr size_t kSmall = 4096;            // up to here a list for every multiple of the alignment
constexpr size_t kLargest = 1 << 16;       // up to here four lists for every doubling; beyond, see large_blocks.h
constexpr size_t kKept = size_t{1} << 18;  // bytes that wait in one small list at most, in one thread
constexpr size_t kKeptLarge = 1 << 20;     // and in one of the others
constexpr size_t kSmallLists = kSmall / kAlignment;
constexpr size_t kFirstExponent = 12;  // of the doubling that begins above kSmall
constexpr size_t kLists = kSmallLists + 4 * 4;

constexpr size_t size_of(size_t list) {
  if (list < kSmallLists) return (list + 1) * kAlignment;
  const size_t exponent = kFirstExponent + (list - kSmallLists) / 4;
  return (4 + (list - kSmallLists) % 4 + 1) << (exponent - 2);
}

size_t list_of(size_t bytes) {
  if (bytes <= kSmall) return (bytes - 1) / kAlignment;
  const auto exponent = static_cast<size_t>(63 - __builtin_clzll(bytes - 1));
  return kSmallLists + (exponent - kFirstExponent) * 4 + ((bytes - 1) >> (exponent - 2)) % 4;
}
static_assert(size_of(kLists - 1) == kLargest);

// Blocks that this thread freed, by size; the first word of each is the next one. What another thread allocated is as
// good as its own: every block comes from the system by itself.
struct Spare {
  struct List {
    void* first = nullptr;
    size_t count = 0;
  };
  std::array<List, kLists> lists;

  ~Spare();
};

thread_local Spare spare;
thread_local bool ended = false;  // outlives `spare`: tensors may die later than it in the same thread

Spare::~Spare() {
  ended = true;
  for (List& list : lists) {
    while (list.first != nullptr) std::free(std::exchange(list.first, *static_cast<void**>(list.first)));
  }
}

template <size_t list>
void give_back(void* block) {
  constexpr size_t kBytes = list < kSmallLists ? kKept : kKeptLarge;
  constexpr size_t kMost = kBytes / size_of(list) < 256 ? kBytes / size_of(list) : 256;
  if (ended || spare.lists[list].count >= kMost) return std::free(block);
  *static_cast<void**>(block) = std::exchange(spare.lists[list].first, block);
  spare.lists[list].count++;
}

template <size_t... list>
constexpr std::array<c10::DeleterFnPtr, sizeof...(list)> deleters(std::index_sequence<list...>) {
  return {give_back<list>...};
}
constexpr auto kGiveBack = deleters(std::make_index_sequence<kLists>());

// Never freed: tensors may outlive every environment.
LargeBlocks& large() {
  static LargeBlocks* const blocks = new LargeBlocks();
  return *blocks;
}

void give_back_large(void* block) { large().give(block); }

c10::DeleterFnPtr others = nullptr;  // how libtorch's own allocator frees

// For memory whose size nobody remembers.
void give_back_any(void* block) {
  if (!large().give(block)) others(block);
}

class Blocks final : public c10::Allocator {
 public:
  explicit Blocks(c10::Allocator* other) : other_(other) {}

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes > kLargest) {
      void* block = large().take(bytes);
      if (block != nullptr) return {block, block, give_back_large, c10::Device(c10::kCPU)};
    }
    if (bytes == 0 || bytes > kLargest || ended) return other_->allocate(bytes);
    const size_t index = list_of(bytes);
    Spare::List& list = spare.lists[index];
    void* block = list.first;
    if (block != nullptr) {
      list.first = *static_cast<void**>(block);
      list.count--;
    } else if (posix_memalign(&block, kAlignment, size_of(index)) != 0) {
      return other_->allocate(bytes);  // whose error says what is missing
    }
    return {block, block, kGiveBack[index], c10::Device(c10::kCPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return give_back_any; }
  void copy_data(void* to, const void* from, size_t bytes) const override { other_->copy_data(to, from, bytes); }

 private:
  c10::Allocator* other_;
};

}  // namespace

void empty_allocator() { large().empty(); }

void install_allocator() {
  static const bool installed = [] {
    c10::Allocator* const before = c10::GetCPUAllocator();
    others = before->raw_deleter();
    c10::SetCPUAllocator(new Blocks(before), 1);
    return true;
  }();
  (void)installed;
}

}  // namespace xpmir
