#include "script_value.h"

#include <charconv>

#include "convert.h"
#include "error.h"
#include "state.h"

namespace xpmir {

namespace {

constexpr size_t kDeepest = 64;

class ShapeReader {
 public:
  ShapeReader(State& state, const std::string& shape)
      : shape_(shape), leaves_(state.arena.data() + kFirst, state.arena.data() + state.arena.size()) {}

  std::vector<ScriptValue> until(char end, size_t depth) {
    std::vector<ScriptValue> values;
    if (depth > kDeepest) malformed();
    while (peek() != end) values.push_back(value(depth));
    at_++;
    return values;
  }

 private:
  [[noreturn]] static void malformed() {
    throw ArgumentError("ERR_ARGUMENT", "Expected a well-formed shape of nested values but received something else");
  }
  // The end of the text reads as one more character, NUL.
  char peek() const {
    if (at_ > shape_.size()) malformed();
    return at_ == shape_.size() ? '\0' : shape_[at_];
  }
  ScriptValue value(size_t depth) {
    switch (peek()) {
      case '.': {
        at_++;
        const WireValue leaf = leaves_.value();
        if (leaf.tag == Tag::Default || leaf.tag >= Tag::List) malformed();
        return {ScriptValue::Kind::Leaf, leaf, {}};
      }
      case '[':
        at_++;
        return {ScriptValue::Kind::Sequence, {}, until(']', depth + 1)};
      case '{': {
        at_++;
        ScriptValue mapping{ScriptValue::Kind::Mapping, {}, until('}', depth + 1)};
        if (mapping.children.size() % 2 != 0) malformed();
        return mapping;
      }
      default:
        malformed();
    }
  }

  const std::string& shape_;
  size_t at_ = 0;
  WireReader leaves_;
};

std::string received(const State& state, const ScriptValue& value) {
  switch (value.kind) {
    case ScriptValue::Kind::Sequence:
      return "an array of " + std::to_string(value.children.size());
    case ScriptValue::Kind::Mapping:
      return "an object of " + std::to_string(value.children.size() / 2) + " keys";
    default:
      return received_text(state, value.leaf);
  }
}

[[noreturn]] void refuse(const State& state, const c10::TypePtr& type, const ScriptValue& value,
                         const std::string& name) {
  throw ArgumentError("ERR_ARGUMENT", "Expected " + type->annotation_str() + " for " + name + " but received " +
                                          received(state, value));
}

bool is_text(const ScriptValue& value) {
  return value.kind == ScriptValue::Kind::Leaf && value.leaf.tag == Tag::String;
}

bool is_null(const ScriptValue& value) { return value.kind == ScriptValue::Kind::Leaf && value.leaf.tag == Tag::Null; }

c10::IValue leaf_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  if (value.kind != ScriptValue::Kind::Leaf) refuse(state, type, value, name);
  if (type->kind() == c10::TypeKind::NoneType && is_null(value)) return {};
  // TorchScript has no type for dtypes: they are integers there.
  if (type->kind() == c10::TypeKind::IntType && is_text(value)) {
    if (const auto dtype = state.strings.at(*value.leaf.payload).dtype) return static_cast<int64_t>(*dtype);
  }
  const ParameterType parameter = parameter_type(c10::Argument("", type));
  if (parameter.kind == Kind::Unsupported || !fits(state, parameter, value.leaf)) refuse(state, type, value, name);
  return to_ivalue(state, parameter, value.leaf);
}

c10::IValue list_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  if (value.kind != ScriptValue::Kind::Sequence) refuse(state, type, value, name);
  const c10::TypePtr& element = type->expectRef<c10::ListType>().getElementType();
  c10::impl::GenericList list(element);
  for (const ScriptValue& child : value.children)
    list.push_back(to_script_ivalue(state, element, child, "an element of " + name));
  return list;
}

// A named tuple may be given by its names, too.
const ScriptValue* find_field(const State& state, const ScriptValue& value, const std::string& field) {
  for (size_t i = 0; i + 1 < value.children.size(); i += 2) {
    const ScriptValue& key = value.children[i];
    if (key.kind == ScriptValue::Kind::Leaf && key.leaf.tag == Tag::String &&
        state.strings.at(*key.leaf.payload).text == field)
      return &value.children[i + 1];
  }
  return nullptr;
}

c10::IValue tuple_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  const auto tuple = type->expect<c10::TupleType>();
  const size_t size = tuple->elements().size();
  const bool named = value.kind == ScriptValue::Kind::Mapping;
  if (value.kind == ScriptValue::Kind::Leaf || (named && !tuple->schema()) ||
      value.children.size() != (named ? 2 * size : size))
    refuse(state, type, value, name);
  std::vector<c10::IValue> elements;
  for (size_t i = 0; i < size; i++) {
    const ScriptValue* child =
        named ? find_field(state, value, tuple->schema()->arguments()[i].name()) : &value.children[i];
    if (child == nullptr) refuse(state, type, value, name);
    elements.push_back(to_script_ivalue(state, tuple->elements()[i], *child, "an element of " + name));
  }
  return c10::ivalue::Tuple::createNamed(std::move(elements), tuple);
}

// The keys of plain objects are text, those that are whole numbers too.
c10::IValue key_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  if (type->kind() == c10::TypeKind::IntType && is_text(value)) {
    const std::string& text = state.strings.at(*value.leaf.payload).text;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    refuse(state, type, value, name);
  }
  return to_script_ivalue(state, type, value, name);
}

c10::IValue dict_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  if (value.kind != ScriptValue::Kind::Mapping) refuse(state, type, value, name);
  const auto& dict = type->expectRef<c10::DictType>();
  c10::impl::GenericDict result(dict.getKeyType(), dict.getValueType());
  for (size_t i = 0; i + 1 < value.children.size(); i += 2) {
    c10::IValue key = key_ivalue(state, dict.getKeyType(), value.children[i], "a key of " + name);
    result.insert_or_assign(std::move(key),
                            to_script_ivalue(state, dict.getValueType(), value.children[i + 1], "a value of " + name));
  }
  return result;
}

c10::IValue union_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  if (is_text(value) && c10::StringType::get()->isSubtypeOf(*type)) return state.strings.at(*value.leaf.payload).text;
  for (const c10::TypePtr& one : type->expectRef<c10::UnionType>().containedTypes()) {
    try {
      return to_script_ivalue(state, one, value, name);
    } catch (const ArgumentError&) {
      // The next one may fit.
    }
  }
  refuse(state, type, value, name);
}

// Where the script takes anything, a value has the type that its own kind tells; arrays hold tensors.
c10::IValue any_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value, const std::string& name) {
  if (is_null(value)) return {};
  if (is_text(value)) return state.strings.at(*value.leaf.payload).text;
  for (const c10::TypePtr& one :
       {c10::TypePtr(c10::TensorType::get()), c10::TypePtr(c10::IntType::get()), c10::TypePtr(c10::FloatType::get()),
        c10::TypePtr(c10::BoolType::get()), c10::TypePtr(c10::ListType::ofTensors())}) {
    try {
      return to_script_ivalue(state, one, value, name);
    } catch (const ArgumentError&) {
      // The next one may fit.
    }
  }
  refuse(state, type, value, name);
}

}  // namespace

std::vector<ScriptValue> read_script_values(State& state, const std::string& shape) {
  return ShapeReader(state, shape).until('\0', 0);
}

c10::IValue to_script_ivalue(State& state, const c10::TypePtr& type, const ScriptValue& value,
                             const std::string& name) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      if (is_null(value)) return {};
      return to_script_ivalue(state, type->expectRef<c10::OptionalType>().getElementType(), value, name);
    case c10::TypeKind::UnionType:
      return union_ivalue(state, type, value, name);
    case c10::TypeKind::ListType:
      return list_ivalue(state, type, value, name);
    case c10::TypeKind::TupleType:
      return tuple_ivalue(state, type, value, name);
    case c10::TypeKind::DictType:
      return dict_ivalue(state, type, value, name);
    case c10::TypeKind::AnyType:
      return any_ivalue(state, type, value, name);
    default:
      return leaf_ivalue(state, type, value, name);
  }
}

bool takes_mapping(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::DictType:
      return true;
    case c10::TypeKind::TupleType:
      return type->expectRef<c10::TupleType>().schema() != nullptr;
    case c10::TypeKind::OptionalType:
    case c10::TypeKind::UnionType:
      for (const c10::TypePtr& one : type->containedTypes())
        if (takes_mapping(one)) return true;
      return false;
    default:
      return false;
  }
}

void write_script_ivalue(State& state, WireWriter& out, size_t& leaves, std::string& shape, const c10::IValue& value) {
  if (value.isList() || value.isTuple()) {
    shape += '[';
    if (value.isList()) {
      for (const c10::IValue& element : value.toListRef()) write_script_ivalue(state, out, leaves, shape, element);
    } else {
      for (const c10::IValue& element : value.toTupleRef().elements())
        write_script_ivalue(state, out, leaves, shape, element);
    }
    shape += ']';
  } else if (value.isGenericDict()) {
    const auto dict = value.toGenericDict();
    const bool is_named = dict.keyType()->kind() == c10::TypeKind::StringType;
    shape += is_named ? '{' : '<';
    for (const auto& entry : dict) {
      write_script_ivalue(state, out, leaves, shape, entry.key());
      write_script_ivalue(state, out, leaves, shape, entry.value());
    }
    shape += is_named ? '}' : '>';
  } else {
    write_ivalue(state, out, c10::IValue(value));
    shape += '.';
    leaves++;
  }
}

}  // namespace xpmir
