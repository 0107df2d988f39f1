#include "convert.h"

#include <ATen/ScalarOps.h>
#include <c10/core/SymInt.h>

#include <algorithm>
#include <cmath>

#include "error.h"
#include "state.h"

namespace xpmir {

namespace {

Kind element_kind(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType:
      return Kind::Tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return Kind::Int;
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType:
      return Kind::Float;
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType:
      return Kind::Bool;
    case c10::TypeKind::ComplexType:
      return Kind::Complex;
    case c10::TypeKind::NumberType:
      return Kind::Scalar;
    case c10::TypeKind::StringType:
      return Kind::String;
    case c10::TypeKind::ScalarTypeType:
      return Kind::ScalarType;
    case c10::TypeKind::LayoutType:
      return Kind::Layout;
    case c10::TypeKind::MemoryFormatType:
      return Kind::MemoryFormat;
    case c10::TypeKind::DeviceObjType:
      return Kind::Device;
    case c10::TypeKind::GeneratorType:
      return Kind::Generator;
    default:
      return Kind::Unsupported;
  }
}

bool fits_one(const State& state, Kind kind, const WireValue& value) {
  switch (kind) {
    case Kind::Tensor:
      return value.tag == Tag::Tensor;
    case Kind::Int:
      return value.tag == Tag::Int || value.tag == Tag::BigInt;
    case Kind::Float:
      return value.tag == Tag::Int || value.tag == Tag::Float;
    case Kind::Bool:
      return value.tag == Tag::Bool;
    case Kind::Complex:
      return value.tag == Tag::Int || value.tag == Tag::Float || value.tag == Tag::Complex;
    case Kind::Scalar:
      return value.tag == Tag::Int || value.tag == Tag::Float || value.tag == Tag::Bool || value.tag == Tag::BigInt ||
             value.tag == Tag::Complex;
    case Kind::String:
      return value.tag == Tag::String && state.strings.contains(*value.payload);
    case Kind::ScalarType:
      return value.tag == Tag::String && state.strings.at(*value.payload).dtype.has_value();
    case Kind::Layout:
      return value.tag == Tag::String && state.strings.at(*value.payload).layout.has_value();
    case Kind::MemoryFormat:
      return value.tag == Tag::String && state.strings.at(*value.payload).memory_format.has_value();
    case Kind::Device:
      return value.tag == Tag::String && state.strings.at(*value.payload).device.has_value();
    case Kind::Generator:
      return value.tag == Tag::Generator;
    case Kind::Unsupported:
      return false;
  }
  return false;
}

int64_t to_int(const WireValue& value) {
  if (value.tag == Tag::BigInt) return bigint_bits(value.payload);
  const double number = *value.payload;
  constexpr double kExact = 9007199254740992.0;
  if (!(std::abs(number) <= kExact) || std::floor(number) != number)
    throw ArgumentError("ERR_RANGE",
                        "Expected an integer within 2^53 or a bigint but received " + std::to_string(number));
  return static_cast<int64_t>(number);
}

at::Scalar to_scalar(const WireValue& value) {
  switch (value.tag) {
    case Tag::Int:
      // 1e300 is a whole number, and no integer that C++ has.
      return std::abs(*value.payload) <= 9007199254740992.0 ? at::Scalar(static_cast<int64_t>(*value.payload))
                                                            : at::Scalar(*value.payload);
    case Tag::Bool:
      return at::Scalar(*value.payload != 0);
    case Tag::BigInt:
      return at::Scalar(bigint_bits(value.payload));
    case Tag::Complex:
      return at::Scalar(c10::complex<double>(value.payload[0], value.payload[1]));
    default:
      return at::Scalar(*value.payload);
  }
}

c10::IValue to_one(State& state, Kind kind, const WireValue& value) {
  switch (kind) {
    case Kind::Tensor:
      return state.tensors.get(*value.payload);
    case Kind::Int:
      return to_int(value);
    case Kind::Float:
      return *value.payload;
    case Kind::Bool:
      return *value.payload != 0;
    case Kind::Complex:
      return value.tag == Tag::Complex ? c10::complex<double>(value.payload[0], value.payload[1])
                                       : c10::complex<double>(*value.payload, 0);
    case Kind::Scalar:
      return to_scalar(value);
    case Kind::String:
      return state.strings.at(*value.payload).text;
    case Kind::ScalarType:
      return *state.strings.at(*value.payload).dtype;
    case Kind::Layout:
      return *state.strings.at(*value.payload).layout;
    case Kind::MemoryFormat:
      return *state.strings.at(*value.payload).memory_format;
    case Kind::Device:
      return *state.strings.at(*value.payload).device;
    case Kind::Generator:
      return state.generator(*value.payload);
    case Kind::Unsupported:
      break;
  }
  throw ArgumentError("ERR_ARGUMENT", "Expected a supported type");
}

// A number in a tensor's place takes no part in type promotion, and keeps its precision until the kernel.
c10::IValue wrapped_number(const WireValue& value) {
  at::Tensor tensor = c10::scalar_to_tensor(to_scalar(value));
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

// The elements of a list value, one at a time, whichever of the three encodings it came in.
template <typename Visit>
void each_element(const WireValue& value, Visit visit) {
  if (value.tag == Tag::List) {
    const double* at = value.payload + 1;
    for (size_t i = 0; i < value.count(); i++) {
      // The outer reader has checked all bounds of this list already.
      const WireValue element{static_cast<Tag>(static_cast<int>(*at)), at + 1};
      visit(element);
      at += element.tag == Tag::Complex ? 3 : 2;
      if (element.tag == Tag::Ints || element.tag == Tag::Floats) at += element.count();
    }
    return;
  }
  const Tag tag = value.tag == Tag::Ints ? Tag::Int : Tag::Float;
  for (size_t i = 0; i < value.count(); i++) visit(WireValue{tag, value.payload + 1 + i});
}

bool is_list(const WireValue& value) {
  return value.tag == Tag::List || value.tag == Tag::Ints || value.tag == Tag::Floats;
}

template <typename T>
c10::IValue number_list(const ParameterType& type, const WireValue& value, T (*convert)(const WireValue&)) {
  c10::List<T> list;
  if (!is_list(value)) {
    for (int i = 0; i < type.size; i++) list.push_back(convert(value));
    return list;
  }
  list.reserve(value.count());
  each_element(value, [&](const WireValue& element) { list.push_back(convert(element)); });
  return list;
}

c10::IValue scalar_list(const ParameterType& type, const WireValue& value) {
  c10::TypePtr element_type = c10::NumberType::get();
  if (type.optional_elements) element_type = c10::OptionalType::create(element_type);
  c10::impl::GenericList list(element_type);
  each_element(value, [&](const WireValue& element) {
    list.push_back(element.tag == Tag::Null ? c10::IValue() : c10::IValue(to_scalar(element)));
  });
  return list;
}

c10::IValue tensor_list(State& state, const ParameterType& type, const WireValue& value) {
  if (type.optional_elements) {
    c10::List<std::optional<at::Tensor>> list;
    each_element(value, [&](const WireValue& element) {
      if (element.tag == Tag::Null)
        list.push_back(std::nullopt);
      else
        list.push_back(state.tensors.get(*element.payload));
    });
    return list;
  }
  c10::List<at::Tensor> list;
  list.reserve(value.count());
  each_element(value, [&](const WireValue& element) { list.push_back(state.tensors.get(*element.payload)); });
  return list;
}

}  // namespace

ParameterType parameter_type(const c10::Argument& argument) {
  ParameterType result;
  c10::TypePtr type = argument.real_type();
  if (type->kind() == c10::TypeKind::OptionalType) {
    result.optional = true;
    type = type->expectRef<c10::OptionalType>().getElementType();
  }
  if (type->kind() == c10::TypeKind::ListType) {
    result.list = true;
    result.size = argument.N().value_or(0);
    const auto& fallback = argument.default_value();
    result.may_be_empty = fallback && fallback->isList() && fallback->toListRef().empty();
    type = type->expectRef<c10::ListType>().getElementType();
    if (type->kind() == c10::TypeKind::OptionalType) {
      result.optional_elements = true;
      type = type->expectRef<c10::OptionalType>().getElementType();
    }
  }
  result.kind = element_kind(type);
  const bool may_lack = result.kind == Kind::Tensor || result.kind == Kind::Scalar;
  if (result.optional_elements && !may_lack) result.kind = Kind::Unsupported;
  return result;
}

bool fits_any(const State& state, const ParameterType& type, const WireValue& value) {
  if (value.tag == Tag::Null) return type.optional;
  if (!type.list)
    return fits_one(state, type.kind, value) || (type.takes_number && fits_one(state, Kind::Scalar, value));
  if (!is_list(value)) return type.size > 0 && fits_one(state, type.kind, value);
  // Kernels read as many as the schema says, whether or not they are there; of int[1], any number.
  if (type.size > 1 && value.count() != 1 && value.count() != static_cast<size_t>(type.size) &&
      !(value.count() == 0 && type.may_be_empty))
    return false;
  if (value.count() == 0) return true;
  if (value.tag != Tag::List)
    return fits_one(state, type.kind, WireValue{value.tag == Tag::Ints ? Tag::Int : Tag::Float, value.payload + 1});
  bool all = true;
  each_element(value, [&](const WireValue& element) {
    all = all && ((type.optional_elements && element.tag == Tag::Null) || fits_one(state, type.kind, element));
  });
  return all;
}

c10::IValue to_ivalue(State& state, const ParameterType& type, const WireValue& value) {
  if (value.tag == Tag::Null) return {};
  if (!type.list)
    return type.takes_number && value.tag != Tag::Tensor ? wrapped_number(value) : to_one(state, type.kind, value);
  switch (type.kind) {
    case Kind::Tensor:
      return tensor_list(state, type, value);
    case Kind::Int:
      return number_list<int64_t>(type, value, to_int);
    case Kind::Float:
      return number_list<double>(type, value, [](const WireValue& element) { return *element.payload; });
    case Kind::Bool:
      return number_list<bool>(type, value, [](const WireValue& element) { return *element.payload != 0; });
    case Kind::String: {
      c10::List<std::string> list;
      each_element(value, [&](const WireValue& element) { list.push_back(state.strings.at(*element.payload).text); });
      return list;
    }
    case Kind::Scalar:
      return scalar_list(type, value);
    default:
      throw ArgumentError("ERR_ARGUMENT", "Expected a supported list type");
  }
}

c10::IValue numbers_ivalue(const ParameterType& type, const std::vector<double>& numbers) {
  const bool whole = std::all_of(numbers.begin(), numbers.end(),
                                 [](double each) { return std::isfinite(each) && std::floor(each) == each; });
  if (!type.list) {
    if (type.kind == Kind::Float) return numbers.at(0);
    return to_scalar(WireValue{whole ? Tag::Int : Tag::Float, &numbers.at(0)});
  }
  std::vector<double> slots{static_cast<double>(numbers.size())};
  slots.insert(slots.end(), numbers.begin(), numbers.end());
  const WireValue value{whole ? Tag::Ints : Tag::Floats, slots.data()};
  return type.kind == Kind::Float ? c10::IValue(c10::List<double>(numbers)) : scalar_list(type, value);
}

void write_ivalue(State& state, WireWriter& out, c10::IValue&& value) {
  if (value.isTensor()) {
    // An undefined tensor is what an operator returns for an output it was asked to leave out.
    if (!value.toTensor().defined()) return out.tagged(Tag::Null, 0);
    return out.tagged(Tag::Tensor, state.tensors.insert(std::move(value).toTensor()));
  }
  if (value.isNone()) return out.tagged(Tag::Null, 0);
  if (value.isBool()) return out.tagged(Tag::Bool, value.toBool() ? 1 : 0);
  if (value.isInt()) return out.integer(value.toInt());
  // A uint64 beyond int64: its bits, which JavaScript reads as unsigned by the dtype.
  if (value.isUnsigned()) return out.integer(static_cast<int64_t>(value.toUInt()));
  if (value.isDouble()) return out.tagged(Tag::Float, value.toDouble());
  if (value.isComplexDouble()) {
    out.tagged(Tag::Complex, value.toComplexDouble().real());
    return out.put(value.toComplexDouble().imag());
  }
  if (value.isString()) return out.tagged(Tag::String, state.strings.intern(value.toStringRef()));
  if (value.isDevice()) return out.tagged(Tag::String, state.strings.intern(value.toDevice().str()));
  if (value.isSymInt()) return out.integer(value.toSymInt().guard_int(__FILE__, __LINE__));
  const auto write_all = [&](const auto& elements) {
    out.tagged(Tag::List, static_cast<double>(elements.size()));
    for (const c10::IValue& element : elements) write_ivalue(state, out, c10::IValue(element));
  };
  if (value.isList()) return write_all(value.toListRef());
  if (value.isTuple()) return write_all(value.toTupleRef().elements());
  throw ArgumentError("ERR_NOT_IMPLEMENTED",
                      "Expected a result that has a JavaScript form but received " + value.tagKind());
}

std::string expected_text(const ParameterType& type) {
  static const char* const one[] = {"a type that JavaScript has no form for",
                                    "a Tensor",
                                    "an integer",
                                    "a number",
                                    "a boolean",
                                    "a complex number",
                                    "a number",
                                    "a string",
                                    "a dtype",
                                    "a layout",
                                    "a memory format",
                                    "a device",
                                    "a Generator"};
  static const char* const many[] = {"lists of a type that JavaScript has no form for",
                                     "Tensors",
                                     "integers",
                                     "numbers",
                                     "booleans",
                                     "complex numbers",
                                     "numbers",
                                     "strings",
                                     "dtypes",
                                     "layouts",
                                     "memory formats",
                                     "devices",
                                     "Generators"};
  const auto kind = static_cast<size_t>(type.kind);
  std::string text = one[kind];
  if (type.list) text = "an array of " + (type.size > 1 ? std::to_string(type.size) + " " : "") + many[kind];
  if (type.list && type.optional_elements) text += " or null";
  if (type.list && type.size > 0) text += std::string(" or ") + one[kind];
  if (type.takes_number) text += " or a number";
  if (type.optional) text += " or null";
  return text;
}

std::string received_text(const State& state, const WireValue& value) {
  switch (value.tag) {
    case Tag::Null:
      return "null";
    case Tag::Default:
      return "undefined";
    case Tag::Tensor:
      return "a Tensor";
    case Tag::Bool:
      return *value.payload != 0 ? "true" : "false";
    case Tag::Int:
    case Tag::Float: {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", *value.payload);
      return text;
    }
    case Tag::BigInt:
      return std::to_string(bigint_bits(value.payload)) + "n";
    case Tag::Complex:
      return "a complex number";
    case Tag::String:
      return "\"" + state.strings.at(*value.payload).text.substr(0, 60) + "\"";
    case Tag::Generator:
      return "a Generator";
    case Tag::Ints:
    case Tag::Floats:
      return "an array of " + std::to_string(value.count()) + " numbers";
    default: {
      std::string text = "[";
      size_t seen = 0;
      each_element(value, [&](const WireValue& element) {
        if (seen++ < 4) text += (seen > 1 ? ", " : "") + received_text(state, element);
      });
      return text + (value.count() > 4 ? ", ...]" : "]");
    }
  }
}

}  // namespace xpmir
