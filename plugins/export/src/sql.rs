//! SQL text: names quoted, values never part of it.

use crate::input::{Filter, Op};
use longshore_plugin::prelude::*;

/// Values of one `in` list, to stay clear of SQLite's limit on bound parameters.
const LIST_VALUES_MAX: usize = 10_000;

/// A name as SQL writes it, whatever characters it has.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A column of the table that every query here calls `t`. Qualified, because SQLite takes a lone `"name"` that it
/// does not know for a text.
pub(crate) fn column(name: &str) -> String {
    format!("t.{}", quoted(name))
}

/// Conditions joined by AND, with the values that are bound to their `?`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Conditions {
    terms: Vec<String>,
    params: Vec<Value>,
}

impl Conditions {
    /// Adds a condition.
    pub(crate) fn push(&mut self, term: String, params: impl IntoIterator<Item = Value>) {
        self.terms.push(term);
        self.params.extend(params);
    }

    /// Adds a filter on a column, whose name has been checked. `place` says which filter it is, for errors.
    pub(crate) fn push_filter(&mut self, column_name: &str, filter: &Filter, place: usize) -> Result<()> {
        let wrong = |what: &str| JobError::invalid_input(format!("filters[{place}].value: {what}"));
        let column = column(column_name);
        let given = &filter.value;
        let compare = |operator: &str| (format!("{column} {operator} ?"), operator.to_owned());
        let term = match filter.op {
            Op::IsNull | Op::NotNull => {
                if !given.is_null() {
                    return Err(wrong("`is_null` and `not_null` take none"));
                }
                let not = if filter.op == Op::NotNull { "NOT " } else { "" };
                self.push(format!("{column} IS {not}NULL"), []);
                return Ok(());
            }
            Op::In => {
                let list = given.as_array().filter(|list| !list.is_empty() && list.len() <= LIST_VALUES_MAX);
                let list = list.ok_or_else(|| wrong("`in` takes a list of 1 to 10,000 values"))?;
                let values = list.iter().map(scalar).collect::<Option<Vec<_>>>();
                let values = values.ok_or_else(|| wrong("the list may hold texts, numbers and booleans"))?;
                let marks = vec!["?"; values.len()].join(", ");
                self.push(format!("{column} IN ({marks})"), values);
                return Ok(());
            }
            Op::Contains => (format!("instr(lower({column}), lower(?)) > 0"), "contains".to_owned()),
            Op::Equal => compare("="),
            Op::NotEqual => compare("<>"),
            Op::Less => compare("<"),
            Op::LessOrEqual => compare("<="),
            Op::Greater => compare(">"),
            Op::GreaterOrEqual => compare(">="),
            Op::Like => compare("LIKE"),
        };
        let value = scalar(given).ok_or_else(|| {
            wrong(&format!("`{}` takes one text, number or boolean; NULL is found by `is_null`", term.1))
        })?;
        self.push(term.0, [value]);
        Ok(())
    }

    /// ` WHERE …`, or nothing.
    pub(crate) fn sql(&self) -> String {
        match self.terms.as_slice() {
            [] => String::new(),
            terms => format!(" WHERE {}", terms.join(" AND ")),
        }
    }

    pub(crate) fn params(&self) -> &[Value] {
        &self.params
    }
}

/// A JSON value as a bound one; none for null, lists and objects.
fn scalar(json: &serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Bool(yes) => Value::Integer((*yes).into()),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Real(number.as_f64()?),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn conditions(filters: serde_json::Value) -> Result<Conditions> {
        let filters: Vec<Filter> = serde_json::from_value(filters).unwrap();
        let mut conditions = Conditions::default();
        for (place, filter) in filters.iter().enumerate() {
            conditions.push_filter(&filter.column, filter, place)?;
        }
        Ok(conditions)
    }

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        assert_eq!(quoted("orders"), r#""orders""#);
        assert_eq!(quoted(r#"a"; DROP TABLE x; --"#), r#""a""; DROP TABLE x; --""#);
        assert_eq!(column("group"), r#"t."group""#);
    }

    #[test]
    fn values_are_bound() {
        let conditions = conditions(json!([
            { "column": "city", "op": "=", "value": "x' OR 1=1" },
            { "column": "total", "op": ">=", "value": 10.5 },
            { "column": "paid", "op": "!=", "value": true },
            { "column": "id", "op": "in", "value": [1, 2] },
            { "column": "note", "op": "is_null" },
        ]))
        .unwrap();
        let sql = r#" WHERE t."city" = ? AND t."total" >= ? AND t."paid" <> ? AND t."id" IN (?, ?) AND t."note" IS NULL"#;
        assert_eq!(conditions.sql(), sql);
        let params = ["x' OR 1=1".into(), Value::Real(10.5), 1.into(), 1.into(), 2.into()];
        assert_eq!(conditions.params(), params);
    }

    #[test]
    fn values_that_do_not_fit_are_refused_by_place() {
        for (filter, what) in [
            (json!({ "column": "a", "op": "=", "value": null }), "filters[0].value: `=` takes one"),
            (json!({ "column": "a", "op": "in", "value": [] }), "`in` takes a list"),
            (json!({ "column": "a", "op": "in", "value": [[1]] }), "the list may hold"),
            (json!({ "column": "a", "op": "is_null", "value": 1 }), "take none"),
        ] {
            let error = conditions(json!([filter])).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
