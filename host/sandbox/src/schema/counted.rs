//! A value that counts what the library does with it.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, SerdeJson};
use serde_json::{Map, Number, Value};

use super::{budget, mark, order, tell};

/// The kind of values that count.
pub(super) struct Counting;

/// A value, or a part of one, that counts.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    value: &'a Value,
    /// Bytes of the path from the root, since every error has it.
    path: u32,
    depth: u32,
}

impl<'a> Counted<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: 0, depth: 0 }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    fn part(&self, value: &'a Value, name_bytes: usize) -> Self {
        let path = self.path.saturating_add(u32::try_from(name_bytes).unwrap_or(u32::MAX)).saturating_add(1);
        Self { value, path, depth: self.depth + 1 }
    }
}

impl Json for Counting {
    type Node<'a> = Counted<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(Counted<'_>) -> T) -> T {
        *buffer = Value::from(string);
        f(Counted::root(buffer))
    }
}

impl<'a> Node<'a, Counting> for Counted<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        budget::step();
        self.value.as_object().map(|members| Members { members, of: *self })
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        budget::step();
        self.value.as_array().map(|elements| Elements { elements, of: *self })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        budget::step();
        let text = self.value.as_str()?;
        budget::charge(text.len() as u64 / 16);
        Some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        budget::step();
        self.value.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        budget::step();
        self.value.as_bool()
    }

    fn is_null(&self) -> bool {
        budget::step();
        self.value.is_null()
    }

    fn json_type(&self) -> JsonType {
        budget::step();
        JsonType::from(self.value)
    }

    fn string_length(&self) -> Option<u64> {
        budget::step();
        budget::charge(self.value.as_str()?.len() as u64 / 64);
        <&Value as Node<'_, SerdeJson>>::string_length(&self.value)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        mark::charged(self.value, expected) || order::equal(self.value, expected)
    }

    /// Only errors ask for it. They keep copies, and show no more than the beginning.
    fn to_value(&self) -> Cow<'a, Value> {
        let (shown, bytes) = tell::beginning(self.value);
        budget::hold_error(u64::from(self.depth) + 1, bytes + 2 * u64::from(self.path));
        shown
    }

    /// The library looks through the `$ref`s that it is within, and there are the more the deeper the value is.
    fn identity(&self) -> Option<NodeIdentity> {
        budget::charge(1 + u64::from(self.depth));
        Some(NodeIdentity::new(std::ptr::from_ref(self.value).addr()))
    }
}

/// The members of an object.
pub(super) struct Members<'a> {
    members: &'a Map<String, Value>,
    of: Counted<'a>,
}

impl<'a> Object<'a, Counting> for Members<'a> {
    type Node = Counted<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn get(&self, key: &String) -> Option<Counted<'a>> {
        budget::charge(2 + key.len() as u64 / 16);
        self.members.get(key).map(|value| self.of.part(value, key.len()))
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter { members: self.members.iter(), of: self.of }
    }
}

pub(super) struct MembersIter<'a> {
    members: serde_json::map::Iter<'a>,
    of: Counted<'a>,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Counted<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.members.next()?;
        budget::charge(1 + name.len() as u64 / 16);
        Some((name, self.of.part(value, name.len())))
    }
}

/// The elements of an array.
pub(super) struct Elements<'a> {
    elements: &'a [Value],
    of: Counted<'a>,
}

impl<'a> Array<'a, Counting> for Elements<'a> {
    type Node = Counted<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter { elements: self.elements.iter(), of: self.of }
    }

    fn is_unique(&self) -> bool {
        order::unique(self.elements)
    }
}

pub(super) struct ElementsIter<'a> {
    elements: std::slice::Iter<'a, Value>,
    of: Counted<'a>,
}

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Counted<'a>;

    fn next(&mut self) -> Option<Counted<'a>> {
        let element = self.elements.next()?;
        budget::charge(1);
        // A number of seven digits.
        Some(self.of.part(element, 7))
    }
}
