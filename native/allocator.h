#pragma once
// Memory of small CPU tensors, used again: libtorch asks the system for aligned memory at every operator, which costs
// as much as a small operator does.

namespace xpmir {

// For the whole process, and once: libtorch has one CPU allocator.
void install_allocator();

}  // namespace xpmir
