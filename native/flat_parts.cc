#include "flat_parts.h"

#include <algorithm>
#include <iterator>

namespace xpmir {

namespace {

constexpr size_t kMostFlats = 128;

std::vector<at::Tensor> inputs_of(const Part& part) {
  std::vector<at::Tensor> inputs = part.inputs;
  if (part.scale.defined()) inputs.push_back(part.scale);
  return inputs;
}

std::vector<bool> trained_of(const std::vector<at::Tensor>& parameters) {
  std::vector<bool> trained;
  for (const at::Tensor& parameter : parameters) trained.push_back(parameter.requires_grad());
  return trained;
}

ComputedPart compute(const Part& part, double divide, const std::vector<at::Tensor>& parameters) {
  ComputedPart computed;
  computed.outputs = part.tape->run(part.inputs);
  computed.gradients = gradients_of(part, computed.outputs.back(), divide, parameters);
  return computed;
}

}  // namespace

ComputedPart FlatParts::run(const Part& part, double divide, const std::vector<at::Tensor>& parameters) {
  if (!part.graph) return compute(part, divide, parameters);
  if (const Flat* flat = find(part)) {
    if (!flat->list || !flat->fits(part, divide, parameters)) return compute(part, divide, parameters);
    std::vector<at::Tensor> all = flat->list->run(inputs_of(part));
    const auto border = all.begin() + static_cast<std::ptrdiff_t>(part.tape->outputs());
    return {{std::make_move_iterator(all.begin()), std::make_move_iterator(border)},
            {std::make_move_iterator(border), std::make_move_iterator(all.end())}};
  }
  FlatRecorder::Known known;
  part.tape->note_held(known);
  for (const at::Tensor& parameter : parameters) known.insert(parameter.unsafeGetTensorImpl());
  FlatRecorder recorder(inputs_of(part), std::move(known));
  ComputedPart computed = compute(part, divide, parameters);
  std::vector<at::Tensor> all = computed.outputs;
  all.insert(all.end(), computed.gradients.begin(), computed.gradients.end());
  // Lists of tapes that nobody else has any more make room.
  const auto is_over = [](const Flat& flat) { return flat.tape.use_count() == 1; };
  flats_.erase(std::remove_if(flats_.begin(), flats_.end(), is_over), flats_.end());
  if (flats_.size() < kMostFlats)
    flats_.push_back(
        {part.tape, recorder.finish(all), part.weight, divide, part.scale.defined(), trained_of(parameters)});
  return computed;
}

size_t FlatParts::count() const {
  return static_cast<size_t>(
      std::count_if(flats_.begin(), flats_.end(), [](const Flat& flat) { return flat.list != nullptr; }));
}

const FlatParts::Flat* FlatParts::find(const Part& part) {
  const auto is_it = [&](const Flat& flat) { return flat.tape == part.tape; };
  const auto found = std::find_if(flats_.begin(), flats_.end(), is_it);
  return found == flats_.end() ? nullptr : &*found;
}

bool FlatParts::Flat::fits(const Part& part, double by, const std::vector<at::Tensor>& parameters) const {
  if (part.weight != weight || by != divide || part.scale.defined() != is_scaled) return false;
  for (size_t i = 0; i < parameters.size(); i++)
    if (parameters[i].requires_grad() != trained[i]) return false;
  return true;
}

}  // namespace xpmir
