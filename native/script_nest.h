#pragma once
// How the tensors among arguments and results nest, as script_of_tape.h says that it stands in a text.

#include <ATen/core/jit_type.h>

#include <string>
#include <vector>

#include "error.h"

namespace xpmir {

[[noreturn]] inline void refuse_tape(const std::string& problem) {
  throw ArgumentError("ERR_ARGUMENT",
                      "Expected a function that TorchScript has a form for but received one that " + problem);
}

// How tensors nest, as it stands in a text.
struct Nest {
  enum class Kind : uint8_t { Tensor, Tuple, Dictionary } kind = Kind::Tensor;
  std::vector<Nest> children;
  std::vector<std::string> keys;

  c10::TypePtr type() const {
    if (kind == Kind::Tensor) return c10::TensorType::get();
    std::vector<c10::TypePtr> types;
    for (const Nest& child : children) types.push_back(child.type());
    if (kind == Kind::Tuple) return c10::TupleType::create(std::move(types));
    for (const c10::TypePtr& each : types)
      if (*each != *types[0]) refuse_tape("takes or returns a dictionary whose values have different types");
    return c10::DictType::create(c10::StringType::get(), types.empty() ? c10::TensorType::get() : types[0]);
  }
};

class NestReader {
 public:
  explicit NestReader(const std::string& text) : text_(text) {}
  bool at_end() const { return at_ >= text_.size(); }
  Nest next() {
    Nest nest;
    const char kind = take();
    if (kind == '.') return nest;
    if (kind != '[' && kind != '{') malformed();
    nest.kind = kind == '[' ? Nest::Kind::Tuple : Nest::Kind::Dictionary;
    const char end = kind == '[' ? ']' : '}';
    while (peek() != end) {
      if (kind == '{') nest.keys.push_back(key());
      if (++depth_ > kDeepest) malformed();
      nest.children.push_back(next());
      depth_--;
    }
    at_++;
    return nest;
  }

 private:
  static constexpr size_t kDeepest = 64;
  [[noreturn]] static void malformed() {
    throw ArgumentError("ERR_ARGUMENT", "Expected a well-formed structure of tensors but received something else");
  }
  char peek() const {
    if (at_end()) malformed();
    return text_[at_];
  }
  char take() {
    const char one = peek();
    at_++;
    return one;
  }
  std::string key() {
    size_t length = 0;
    for (char digit = take(); digit != ':'; digit = take()) {
      if (digit < '0' || digit > '9' || length > text_.size()) malformed();
      length = length * 10 + static_cast<size_t>(digit - '0');
    }
    if (length > text_.size() - at_) malformed();
    std::string name = text_.substr(at_, length);
    at_ += length;
    return name;
  }

  const std::string& text_;
  size_t at_ = 0;
  size_t depth_ = 0;
};

}  // namespace xpmir
