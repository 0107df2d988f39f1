#include "wire.h"

#include <array>
#include <cmath>

#include "error.h"

namespace xpmir {

namespace {

using c10::ScalarType;

struct NamedDtype {
  const char* name;
  ScalarType dtype;
};

// PyTorch's names for the dtypes that a tensor of ours may have.
constexpr std::array<NamedDtype, 24> kDtypes{{
    {"uint8", ScalarType::Byte},
    {"int8", ScalarType::Char},
    {"int16", ScalarType::Short},
    {"int32", ScalarType::Int},
    {"int64", ScalarType::Long},
    {"float16", ScalarType::Half},
    {"float32", ScalarType::Float},
    {"float64", ScalarType::Double},
    {"complex32", ScalarType::ComplexHalf},
    {"complex64", ScalarType::ComplexFloat},
    {"complex128", ScalarType::ComplexDouble},
    {"bool", ScalarType::Bool},
    {"bfloat16", ScalarType::BFloat16},
    {"uint16", ScalarType::UInt16},
    {"uint32", ScalarType::UInt32},
    {"uint64", ScalarType::UInt64},
    {"float8_e4m3fn", ScalarType::Float8_e4m3fn},
    {"float8_e5m2", ScalarType::Float8_e5m2},
    {"float8_e4m3fnuz", ScalarType::Float8_e4m3fnuz},
    {"float8_e5m2fnuz", ScalarType::Float8_e5m2fnuz},
    {"float8_e8m0fnu", ScalarType::Float8_e8m0fnu},
    {"float4_e2m1fn_x2", ScalarType::Float4_e2m1fn_x2},
    {"quint8", ScalarType::QUInt8},
    {"qint8", ScalarType::QInt8},
}};

std::optional<ScalarType> parse_dtype(const std::string& text) {
  for (const auto& [name, dtype] : kDtypes)
    if (text == name) return dtype;
  return std::nullopt;
}

std::optional<c10::Device> parse_device(const std::string& text) {
  try {
    return c10::Device(text);
  } catch (const c10::Error&) {
    return std::nullopt;
  }
}

std::optional<c10::Layout> parse_layout(const std::string& text) {
  if (text == "strided") return c10::kStrided;
  if (text == "sparse_coo") return c10::kSparse;
  if (text == "sparse_csr") return c10::kSparseCsr;
  if (text == "sparse_csc") return c10::kSparseCsc;
  if (text == "sparse_bsr") return c10::kSparseBsr;
  if (text == "sparse_bsc") return c10::kSparseBsc;
  return std::nullopt;
}

std::optional<c10::MemoryFormat> parse_memory_format(const std::string& text) {
  if (text == "contiguous_format") return c10::MemoryFormat::Contiguous;
  if (text == "preserve_format") return c10::MemoryFormat::Preserve;
  if (text == "channels_last") return c10::MemoryFormat::ChannelsLast;
  if (text == "channels_last_3d") return c10::MemoryFormat::ChannelsLast3d;
  return std::nullopt;
}

}  // namespace

const char* dtype_name(ScalarType dtype) {
  for (const auto& entry : kDtypes)
    if (entry.dtype == dtype) return entry.name;
  return c10::toString(dtype);
}

void Arena::grow(size_t slots) {
  std::vector<double> larger(slots, 0.0);
  if (!buffers_.empty()) std::memcpy(larger.data(), data(), size() * sizeof(double));
  buffers_.push_back(std::move(larger));
}

void WireReader::malformed() {
  throw ArgumentError("ERR_ARGUMENT", "Expected a well-formed call in the shared buffer but received something else");
}

void WireReader::pass(const WireValue& result) {
  switch (result.tag) {
    case Tag::Complex:
      need(1);
      at_++;
      break;
    case Tag::List: {
      if (!(result.payload[0] >= 0 && result.payload[0] <= static_cast<double>(end_ - at_))) malformed();
      for (size_t i = 0; i < result.count(); i++) {
        // Lists of lists are in no schema: one level bounds the recursion that a forged buffer could ask for.
        need(2);
        if (*at_ == static_cast<double>(Tag::List)) malformed();
        value();
      }
      break;
    }
    case Tag::Ints:
    case Tag::Floats:
      if (!(result.payload[0] >= 0 && result.payload[0] <= static_cast<double>(end_ - at_))) malformed();
      at_ += result.count();
      break;
    default:
      break;
  }
}

void WireWriter::integer(int64_t value) {
  constexpr int64_t kExact = int64_t{1} << 53;
  if (value >= -kExact && value <= kExact) return tagged(Tag::Int, static_cast<double>(value));
  double bits;
  std::memcpy(&bits, &value, sizeof bits);
  tagged(Tag::BigInt, bits);
}

int StringTable::intern(const std::string& text) {
  const auto found = ids_.find(text);
  if (found != ids_.end()) return found->second;
  auto entry = std::make_unique<Entry>(
      Entry{text, parse_dtype(text), parse_device(text), parse_layout(text), parse_memory_format(text)});
  entries_.push_back(std::move(entry));
  const int id = static_cast<int>(entries_.size()) - 1;
  ids_.emplace(text, id);
  return id;
}

const StringTable::Entry& StringTable::at(double id) const {
  if (!contains(id)) throw ArgumentError("ERR_ARGUMENT", "Expected an interned string but received another number");
  return *entries_[static_cast<size_t>(id)];
}

}  // namespace xpmir
