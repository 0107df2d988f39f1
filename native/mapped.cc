// Tensors over the pages of an open file. Whoever shortens the file ends this process, whatever is checked here: it is
// for those who ask for it.

#include <ATen/Functions.h>

#include "shapes.h"

#ifdef __linux__
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace xpmir {

namespace {

#ifdef __linux__

// Of a plain file. By statx, as fstat has been a symbol of glibc only since 2.33.
bool file_size(int fd, uint64_t* size) {
  struct statx file {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &file) != 0 || !S_ISREG(file.stx_mode)) return false;
  *size = file.stx_size;
  return true;
}

// mapFile(fd, position, dtype, ndim): elements from a byte of the file on; the shape stands in the buffer. Writing into
// the tensor changes pages of its own. 0 where the system maps nothing.
Napi::Value map_file(State& state, const Napi::CallbackInfo& info) {
  const auto fd = static_cast<int>(integer_argument(info, 0, "fd", 0, INT32_MAX));
  const int64_t position = integer_argument(info, 1, "position", 0, int64_t{1} << 53);
  const Shape shape = shape_argument(state, info, 2);
  uint64_t size = 0;
  if (!file_size(fd, &size))
    throw ArgumentError("ERR_ARGUMENT", "Expected an open file for fd but received " + std::to_string(fd));
  if (static_cast<uint64_t>(position) > size || shape.bytes > size - static_cast<uint64_t>(position))
    throw ArgumentError("ERR_RANGE", "Expected a place within the file for position");
  if (shape.bytes == 0 || position % static_cast<int64_t>(c10::elementSize(shape.dtype)) != 0)
    throw ArgumentError("ERR_ARGUMENT", "Expected elements that are aligned for position");

  const auto before = static_cast<size_t>(position % sysconf(_SC_PAGESIZE));  // pages are mapped whole
  const size_t length = before + shape.bytes;
  void* pages = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, position - static_cast<int64_t>(before));
  if (pages == MAP_FAILED) return Napi::Number::New(state.env, 0);
  const auto unmap = [pages, length](void*) { munmap(pages, length); };
  at::Tensor tensor;
  try {
    tensor = at::from_blob(static_cast<char*>(pages) + before, shape.sizes, unmap, shape.dtype);
  } catch (...) {
    munmap(pages, length);
    throw;
  }
  const double handle = state.tensors.insert(std::move(tensor));
  state.report_memory();
  return Napi::Number::New(state.env, handle);
}

#else

Napi::Value map_file(State& state, const Napi::CallbackInfo&) { return Napi::Number::New(state.env, 0); }

#endif

constexpr Entry kEntries[] = {{"mapFile", map_file}};

}  // namespace

void export_mapped(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
