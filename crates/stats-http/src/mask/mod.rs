//! Field masks such as `data{uuid,date}`, with the syntax and semantics of Flask-RESTX, which the Python service uses.

mod parse;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use self::parse::MaskError;

/// The fields to keep of a value. A mask of a list applies to each element; scalars are kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Mask {
    /// Keep everything.
    #[default]
    All,
    /// Keep some fields of an object.
    Fields(Fields),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields {
    named: BTreeMap<String, Mask>,
    /// The mask of all other fields.
    rest: Option<Box<Mask>>,
}

/// Stands for all fields that the mask does not name.
const REST: &str = "*";

impl Mask {
    /// Returns the mask of the field `name`, or `None` if the field is removed.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::All => Some(self),
            Self::Fields(fields) => fields.named.get(name).or(fields.rest.as_deref()),
        }
    }

    /// Removes the fields of `value` that the mask does not keep.
    pub(crate) fn apply(&self, value: &mut Value) {
        let Self::Fields(_) = self else {
            return;
        };
        match value {
            Value::Array(list) => list.iter_mut().for_each(|element| self.apply(element)),
            Value::Object(object) => object.retain(|name, value| {
                let mask = self.field(name);
                if let Some(mask) = mask {
                    mask.apply(value);
                }
                mask.is_some()
            }),
            _ => {}
        }
    }
}

impl Fields {
    fn set(&mut self, name: &str, mask: Mask) {
        if name == REST {
            self.rest = Some(Box::new(mask));
        } else {
            self.named.insert(name.to_owned(), mask);
        }
    }

    /// Returns the mask of these fields, or [`Mask::All`] if they keep everything.
    fn into_mask(self) -> Mask {
        let keeps_all = |mask: &Mask| *mask == Mask::All;
        if self.rest.as_deref().is_some_and(keeps_all) && self.named.values().all(keeps_all) {
            Mask::All
        } else {
            Mask::Fields(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mask_keeps_the_fields_that_it_names() {
        let value = json!({
            "metadata": {"count": "1", "limit": "0"},
            "data": [{"uuid": 1, "data": {"High risks": [8, null]}}, {"uuid": 2, "data": []}],
        });
        let kept = |mask: &str, value: &Value| {
            let mut value = value.clone();
            Mask::parse(mask).unwrap().apply(&mut value);
            value
        };
        for (mask, expected) in [
            ("", value.clone()),
            (" ", value.clone()),
            ("*", value.clone()),
            ("{*,metadata}", value.clone()),
            ("{}", json!({})),
            ("nothing", json!({})),
            ("nothing{at,all}", json!({})),
            (
                "metadata",
                json!({"metadata": {"count": "1", "limit": "0"}}),
            ),
            (
                " { metadata { count } } ",
                json!({"metadata": {"count": "1"}}),
            ),
            ("metadata{}", json!({"metadata": {}})),
            ("metadata{count,},", json!({"metadata": {"count": "1"}})),
            (
                "metadata,metadata{count}",
                json!({"metadata": {"count": "1"}}),
            ),
            ("data{uuid}", json!({"data": [{"uuid": 1}, {"uuid": 2}]})),
            ("data{x}", json!({"data": [{}, {}]})),
            (
                "data{data{High risks{x}}}",
                json!({"data": [{"data": {"High risks": [8, null]}}, {"data": []}]}),
            ),
            (
                "data{data{x}},*",
                json!({"metadata": value["metadata"], "data": [{"data": {}}, {"data": []}]}),
            ),
            (
                "*{count,uuid}",
                json!({"metadata": {"count": "1"}, "data": [{"uuid": 1}, {"uuid": 2}]}),
            ),
        ] {
            assert_eq!(kept(mask, &value), expected, "{mask}");
        }
        let list = json!([{"x": 1, "y": 2}, [], 5]);
        assert_eq!(kept("x", &list), json!([{"x": 1}, [], 5]));
    }
}
