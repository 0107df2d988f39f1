// What a device is called and can do. libtorch's interface for any kind of device does not say, so the driver is asked:
// its library is in the process already where libtorch computes on it, and its C functions stay as they are.

#include <dlfcn.h>

#include <string>

#include "cuda.h"

namespace xpmir {

namespace {

constexpr int kMultiprocessors = 16;  // numbers of attributes, from the driver's interface
constexpr int kMajor = 75;
constexpr int kMinor = 76;

class Driver {
 public:
  Driver() : library_(dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    if (library_ == nullptr) fail("open libcuda.so.1");
    check(find<int (*)(unsigned)>("cuInit")(0), "cuInit");
  }
  ~Driver() {
    if (library_ != nullptr) dlclose(library_);
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  int device(int index) const {
    int device = 0;
    check(find<int (*)(int*, int)>("cuDeviceGet")(&device, index), "cuDeviceGet");
    return device;
  }
  std::string name(int device) const {
    char name[256] = {};
    check(find<int (*)(char*, int, int)>("cuDeviceGetName")(name, sizeof name - 1, device), "cuDeviceGetName");
    return name;
  }
  size_t memory(int device) const {
    size_t bytes = 0;
    check(find<int (*)(size_t*, int)>("cuDeviceTotalMem_v2")(&bytes, device), "cuDeviceTotalMem_v2");
    return bytes;
  }
  int attribute(int which, int device) const {
    int value = 0;
    check(find<int (*)(int*, int, int)>("cuDeviceGetAttribute")(&value, which, device), "cuDeviceGetAttribute");
    return value;
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw std::runtime_error("the CUDA driver could not " + what);
  }
  static void check(int status, const char* what) {
    if (status != 0) fail(std::string(what) + ": error " + std::to_string(status));
  }
  template <typename Function>
  Function find(const char* name) const {
    void* found = dlsym(library_, name);
    if (found == nullptr) fail(std::string("find ") + name);
    return reinterpret_cast<Function>(found);
  }

  void* library_;
};

// cudaProperties(device): { name, major, minor, totalMemory, multiProcessorCount }.
Napi::Value cuda_properties(State& state, const Napi::CallbackInfo& info) {
  const int index = cuda_device_argument(info, 0).index();
  const Driver driver;
  const int device = driver.device(index);
  Napi::Object properties = Napi::Object::New(state.env);
  properties.Set("name", driver.name(device));
  properties.Set("major", driver.attribute(kMajor, device));
  properties.Set("minor", driver.attribute(kMinor, device));
  properties.Set("totalMemory", static_cast<double>(driver.memory(device)));
  properties.Set("multiProcessorCount", driver.attribute(kMultiprocessors, device));
  return properties;
}

constexpr Entry kEntries[] = {{"cudaProperties", cuda_properties}};

}  // namespace

void export_cuda_properties(Napi::Env env, Napi::Object exports) { export_entries(env, exports, kEntries); }

}  // namespace xpmir
