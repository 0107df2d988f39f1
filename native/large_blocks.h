#pragma once
// Memory for large tensors: mapped from the system, and kept for the next tensor of about its size. A training step
// asks for the same sizes again and again, from two threads; malloc would keep what each of them freed in an arena of
// its own, or give it back and clear every page anew.

#include <cstddef>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace xpmir {

class LargeBlocks {
 public:
  // Null when the system has no more.
  void* take(size_t bytes);
  // False for a block that is not of here.
  bool give(void* block);
  // Returns what is kept to the system.
  void empty();

 private:
  void* kept_for(size_t bytes, size_t most);
  void* map(size_t bytes);
  void unmap_largest();

  std::mutex mutex_;
  std::unordered_map<void*, size_t> live_;
  std::map<size_t, std::vector<void*>> kept_;  // by size
  size_t live_bytes_ = 0;
  size_t kept_bytes_ = 0;
  size_t line_ = 0;        // at which the block mapped last begins
  size_t most_bytes_ = 0;  // that were live at one time: what is kept adds little to it
};

}  // namespace xpmir
