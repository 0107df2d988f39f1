#pragma once
// Memory of CPU tensors, used again: libtorch asks the system for aligned memory at every operator, which costs as much
// as a small operator does, and for a large one the system clears every page.

namespace xpmir {

// For the whole process, and once: libtorch has one CPU allocator.
void install_allocator();

// Gives back to the system what is kept for large tensors to come.
void empty_allocator();

}  // namespace xpmir
