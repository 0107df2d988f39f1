#pragma once
// How values cross: tagged doubles in a buffer that JavaScript and C++ share, so that an operator call decodes no
// JavaScript value at all. lib/torch/wire.ts is the other end; the tags below are the whole protocol.
//
//   value := Null | Default | Tensor handle | Int n | Float x | Bool 0/1 | String id | BigInt bits | Complex re im
//          | Generator id | List n value*n | Ints n x*n | Floats n x*n | Self handle (results: an argument, mutated)
//   call  := value*positional (name value)*named            from slot kFirst on; operator and counts in the header
//   reply := value*returns                                  from slot kFirst on; their number in slot kCount

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>
#include <c10/core/ScalarType.h>

#include <optional>

namespace xpmir {

enum class Tag : int {
  Null = 0,
  Default = 1,
  Tensor = 2,
  Int = 3,
  Float = 4,
  Bool = 5,
  String = 6,
  BigInt = 7,
  Complex = 8,
  Generator = 9,
  List = 10,
  Ints = 11,
  Floats = 12,
  Self = 13,
};

constexpr size_t kModes = 0;  // one of the modes below, written by JavaScript
constexpr size_t kCount = 1;
constexpr size_t kOperator = 2;
constexpr size_t kPositional = 3;
constexpr size_t kNamed = 4;
constexpr size_t kDisposed = 5;  // how many handles wait in the slots behind it for the next entry to release them
constexpr size_t kMostDisposed = 32;
constexpr size_t kFirst = kDisposed + 1 + kMostDisposed;

// Modes are one number: the grad mode, and above it the autocast dtype (none, bfloat16, float16) of the CPU and of
// CUDA. Above both stands the stream of the flow, see streams.h. 0 leaves the thread as it is: grad mode on, except
// inside the autograd engine, which decides for its hooks.
constexpr int kNoGrad = 1;
constexpr int kInference = 2;
constexpr int kWithGrad = 3;
constexpr int kGradModes = 4;
constexpr int kAutocastDtypes = 3;
constexpr int kModeCodes = kGradModes * kAutocastDtypes * kAutocastDtypes;

// The shared buffer. Native code owns the memory, so that detaching JavaScript's view of it cannot leave a wild
// pointer; outgrown buffers are kept for the same reason (they double, so all of them together are less than the last).
class Arena {
 public:
  Arena() { grow(4096); }
  double* data() { return buffers_.back().data(); }
  const double* data() const { return buffers_.back().data(); }
  size_t size() const { return buffers_.back().size(); }
  void grow(size_t slots);

 private:
  std::vector<std::vector<double>> buffers_;
};

// One value, read with its bounds checked: payload points at the tag's first payload slot.
struct WireValue {
  Tag tag;
  const double* payload;
  size_t count() const { return static_cast<size_t>(payload[0]); }
};

class WireReader {
 public:
  WireReader(const double* begin, const double* end) : at_(begin), end_(end) {}
  WireValue value() {
    need(2);
    // Self stands in replies only. A fraction would be one tag here and another one where it is compared.
    if (!(*at_ >= 0 && *at_ < static_cast<double>(Tag::Self))) malformed();
    const WireValue result{static_cast<Tag>(static_cast<int>(*at_)), at_ + 1};
    if (static_cast<double>(result.tag) != *at_) malformed();
    at_ += 2;
    if (result.tag == Tag::Complex || result.tag >= Tag::List) pass(result);
    return result;
  }
  double number() {
    need(1);
    return *at_++;
  }

 private:
  [[noreturn]] static void malformed();
  void pass(const WireValue& value);  // what a value has beyond its first two slots
  void need(size_t slots) const {
    if (static_cast<size_t>(end_ - at_) < slots) malformed();
  }
  const double* at_;
  const double* end_;
};

class WireWriter {
 public:
  explicit WireWriter(Arena& arena) : arena_(arena) {}
  void put(double slot) {
    if (position_ == arena_.size()) arena_.grow(position_ * 2);
    arena_.data()[position_++] = slot;
  }
  void tagged(Tag tag, double payload) {
    put(static_cast<double>(tag));
    put(payload);
  }
  void integer(int64_t value);
  void finish(size_t count) { arena_.data()[kCount] = static_cast<double>(count); }

 private:
  Arena& arena_;
  size_t position_ = kFirst;
};

inline int64_t bigint_bits(const double* slot) {
  int64_t bits;
  std::memcpy(&bits, slot, sizeof bits);
  return bits;
}

// Strings cross once and are numbers from then on; what they mean as a dtype, device and so on is looked up once too.
class StringTable {
 public:
  struct Entry {
    std::string text;
    std::optional<c10::ScalarType> dtype;
    std::optional<c10::Device> device;
    std::optional<c10::Layout> layout;
    std::optional<c10::MemoryFormat> memory_format;
  };
  int intern(const std::string& text);
  const Entry& at(double id) const;
  bool contains(double id) const {
    return id >= 0 && id < static_cast<double>(entries_.size()) && id == static_cast<size_t>(id);
  }

 private:
  std::vector<std::unique_ptr<Entry>> entries_;
  std::unordered_map<std::string, int> ids_;
};

const char* dtype_name(c10::ScalarType dtype);

}  // namespace xpmir
