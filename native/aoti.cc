// Packages that AOTInductor compiled: shared libraries, loaded from a directory that JavaScript unpacked.
//
// A library believes what it is given: lib/torch/inductor/ compares tensors with what the package takes before they
// come here. A package is a number, as a tensor is.

#include <ATen/DynamicLibrary.h>
#include <c10/util/UniqueVoidPtr.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <sstream>
#include <unordered_map>

#include "compiled.h"
#include "entries.h"
#include "modes.h"
#include "string_lists.h"
#include "tape.h"

namespace xpmir {

using Package = torch::inductor::AOTIModelPackageLoader;

struct PackageTable {
  std::unordered_map<double, std::shared_ptr<Package>> packages;
  double next = 1;
};

namespace {

PackageTable& table(State& state) {
  if (!state.packages) state.packages = std::make_shared<PackageTable>();
  return *state.packages;
}

std::shared_ptr<Package> package_argument(State& state, const Napi::CallbackInfo& info) {
  const auto& packages = table(state).packages;
  const auto found = packages.find(number_argument(info, 0, "package"));
  if (found == packages.end())
    throw ArgumentError("ERR_ARGUMENT", "Expected a live package but received one that was disposed");
  return found->second;
}

// libtorch only warns of a function that a library does not have, and calls it later all the same.
void check_functions(const std::string& library) {
  at::DynamicLibrary opened(library.c_str());
  for (const char* name : {"CreateWithDevice", "Delete", "GetNumOutputs", "Run", "GetNumConstants", "GetConstantName",
                           "GetConstantOriginalFQN", "ExtractConstantsMap", "UpdateConstantBuffer", "GetCallSpec"})
    opened.sym((std::string("AOTInductorModelContainer") + name).c_str());
}

// aotiLoad(directory, library, model, index): the number of the package, on the device of that index, or the current
// one for -1. The library is the one file of its kind in the directory.
Napi::Value load(State& state, const Napi::CallbackInfo& info) {
  const std::string directory = string_argument(info, 0, "directory");
  const std::string library = string_argument(info, 1, "library");
  const std::string model = string_argument(info, 2, "model");
  const auto index = static_cast<c10::DeviceIndex>(integer_argument(info, 3, "index", -1, 127));
  check_functions(library);
  PackageTable& all = table(state);
  all.packages.emplace(all.next, std::make_shared<Package>(directory, model, false, 1, index));
  return Napi::Number::New(state.env, all.next++);
}

// aotiRelease(package): jobs under way keep it.
Napi::Value release(State& state, const Napi::CallbackInfo& info) {
  table(state).packages.erase(number_argument(info, 0, "package"));
  return state.env.Undefined();
}

// aotiCallSpec(package): how arguments nest, and how results do, as pytree writes it.
Napi::Value call_spec(State& state, const Napi::CallbackInfo& info) {
  return strings_value(state.env, package_argument(state, info)->get_call_spec());
}

// aotiConstantNames(package): what the weights are called in the model.
Napi::Value constant_names(State& state, const Napi::CallbackInfo& info) {
  return strings_value(state.env, package_argument(state, info)->get_constant_fqns());
}

// The library copies as many bytes as it finds, so each has to have the very memory of the one whose place it takes.
std::unordered_map<std::string, at::Tensor> fitting(const std::unordered_map<std::string, at::Tensor>& now,
                                                    const std::vector<std::string>& names,
                                                    const std::vector<at::Tensor>& given) {
  std::unordered_map<std::string, at::Tensor> result;
  for (size_t i = 0; i < names.size(); i++) {
    const auto found = now.find(names[i]);
    if (found == now.end())
      throw ArgumentError("ERR_ARGUMENT", "Expected the name of a constant but received \"" + names[i] + "\"");
    const at::Tensor& place = found->second;
    if (given[i].sizes() != place.sizes() || given[i].scalar_type() != place.scalar_type()) {
      std::ostringstream message;
      message << "Expected " << place.scalar_type() << " " << place.sizes() << " for " << names[i] << " but received "
              << given[i].scalar_type() << " " << given[i].sizes();
      throw ArgumentError("ERR_ARGUMENT", message.str());
    }
    result[names[i]] = at::empty_strided(place.sizes(), place.strides(), place.options()).copy_(given[i]);
  }
  return result;
}

// aotiLoadConstants(package, names): tensors for constants, which stand in the buffer.
Napi::Value load_constants(State& state, const Napi::CallbackInfo& info) {
  const auto package = package_argument(state, info);
  const std::vector<std::string> names = strings_argument(info, 1, "names");
  WireReader reader = arena_reader(state);
  const std::vector<at::Tensor> given = read_tensors(state, reader);
  if (names.size() != given.size()) throw ArgumentError("ERR_ARGUMENT", "Expected a name for each tensor");
  wait_idle(state);
  const at::NoGradGuard guard;
  auto constants = fitting(package->get_runner()->extract_constants_map(false), names, given);
  package->load_constants(constants, false, false);
  return state.env.Undefined();
}

// Each with the strides that it must have, in a copy where it has others; a negative one stands for any.
std::vector<at::Tensor> laid_out(const std::vector<at::Tensor>& tensors, const std::vector<double>& strides) {
  std::vector<at::Tensor> result;
  size_t next = 0;
  const at::NoGradGuard guard;
  for (const at::Tensor& given : tensors) {
    const at::Tensor tensor = given.resolve_conj().resolve_neg();
    std::vector<int64_t> wanted = tensor.strides().vec();
    bool differs = false;
    for (size_t d = 0; d < wanted.size(); d++, next++) {
      if (next >= strides.size()) throw ArgumentError("ERR_ARGUMENT", "Expected as many strides as dimensions");
      const double stride = strides[next];
      if (!(stride >= 0 && stride < 9e15) || tensor.size(static_cast<int64_t>(d)) < 2) continue;
      differs = differs || static_cast<int64_t>(stride) != wanted[d];
      wanted[d] = static_cast<int64_t>(stride);
    }
    const bool copies = differs && tensor.numel() != 0;
    result.push_back(copies ? at::empty_strided(tensor.sizes(), wanted, tensor.options()).copy_(tensor) : tensor);
  }
  return result;
}

// Results that are constants of the model, whose memory ends with it, as tensors of their own.
std::vector<at::Tensor> results_of(Package& package, std::vector<at::Tensor> inputs) {
  std::vector<at::Tensor> results = package.boxed_run(std::move(inputs));
  for (at::Tensor& result : results)
    if (result.defined() && result.has_storage() &&
        result.storage().data_ptr().get_deleter() == &c10::detail::deleteNothing)
      result = result.clone();
  return results;
}

struct Asked {
  std::shared_ptr<Package> package;
  std::vector<at::Tensor> inputs;
};

// (package): a list of the tensors and one of their strides stand in the buffer.
Asked asked_in(State& state, const Napi::CallbackInfo& info) {
  if (state.recorder) throw ArgumentError("ERR_ARGUMENT", "Expected no compiled package in what is written down");
  auto package = package_argument(state, info);
  WireReader reader = arena_reader(state);
  const std::vector<at::Tensor> tensors = read_tensors(state, reader);
  return {std::move(package), laid_out(tensors, read_numbers(reader))};
}

// aotiRun(package): the handles of the results, 0 for one that is None.
Napi::Value run_here(State& state, const Napi::CallbackInfo& info) {
  const double header = state.header();
  const FlowStream stream(header, state.streams);
  const ModeGuard guard(modes_in(header));
  Asked asked = asked_in(state, info);
  return handles_of(state, results_of(*asked.package, std::move(asked.inputs)));
}

class PackageJob : public PromisedJob {
 public:
  PackageJob(State& state, Asked asked, double modes) : PromisedJob(state), asked_(std::move(asked)), modes_(modes) {}

 protected:
  std::optional<c10::Device> device() const override {
    for (const at::Tensor& each : asked_.inputs)
      if (!each.is_cpu()) return each.device();
    return std::nullopt;
  }
  void compute() override {
    if (stream)
      for (const at::Tensor& each : asked_.inputs) stream->take(each);
    const ModeGuard guard(modes_);
    results_ = results_of(*asked_.package, std::move(asked_.inputs));
  }
  Napi::Value result() override {
    if (stream)
      for (const at::Tensor& each : results_) stream->hand_over(each);
    return handles_of(state_, results_);
  }

 private:
  Asked asked_;
  double modes_;
  std::vector<at::Tensor> results_;
};

// aotiStart(package): as aotiRun on the step thread; a promise of the handles.
Napi::Value start(State& state, const Napi::CallbackInfo& info) {
  const double header = state.header();
  const FlowStream stream(header, state.streams);
  return post_job(state, std::make_unique<PackageJob>(state, asked_in(state, info), modes_in(header)));
}

const Entry entries[] = {
    {"aotiLoad", load},
    {"aotiRelease", release},
    {"aotiCallSpec", call_spec},
    {"aotiConstantNames", constant_names},
    {"aotiLoadConstants", load_constants},
    {"aotiRun", run_here},
    {"aotiStart", start},
};

}  // namespace

void export_packages(Napi::Env env, Napi::Object exports) { export_entries(env, exports, entries); }

}  // namespace xpmir
