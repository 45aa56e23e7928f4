//! A schema as it is given to the library: with marks for the work that the value would not count.

use serde_json::{Map, Value};

use super::budget::ErrorCost;
use super::mark::{self, Work};
use super::pattern::{self, Size};
use super::survey::{Holds, Place, Survey, holds};

/// Schemas that are applied to the same value one within the other. Each takes some stack.
const CHAIN_MAX: usize = 150;
/// Schemas that the library compiles one within the other. Each takes some stack.
const DEPTH_MAX: usize = 300;
/// References that it follows meanwhile, before it puts them off.
const REFERENCES_WITHIN: usize = 8;
/// Schemas that the library goes through again for each `anyOf`, `oneOf` and `unevaluated*`, following `$ref`s each
/// time.
const REPEATED_MAX: u64 = 200_000;
/// Bytes of an error that says and copies nothing.
const ERROR_BYTES: u64 = 500;

/// A schema with its marks, and what an error of it takes.
pub(super) fn instrumented(schema: &Value) -> Result<(Value, ErrorCost), String> {
    let survey = Survey::of(schema)?;
    let extents = extents(&survey)?;
    let works = works(&survey, &extents)?;
    if depth(&survey.places) > DEPTH_MAX {
        return Err(format!("more than {DEPTH_MAX} schemas are within each other, with what they refer to"));
    }
    let chain = extents.iter().map(|extent| extent.chain).max().unwrap_or_default();
    let referring = survey.places.iter().filter(|place| !place.referred.is_empty());
    let reference_bytes = referring.map(|place| place.path_bytes + "/$dynamicRef".len());
    let per_error = ErrorCost {
        each: ERROR_BYTES + survey.error_bytes + 24 * survey.alternatives as u64,
        per_level: (reference_bytes.max().unwrap_or_default() * chain) as u64,
    };
    Ok((copy(schema, &survey, &works)?, per_error))
}

/// How far a schema goes on the value that it is applied to, before going into its parts.
#[derive(Clone, Copy, Default)]
struct Extent {
    /// The longest way, in schemas.
    chain: usize,
    /// All ways together, in schemas.
    schemas: u64,
    /// The patterns of `patternProperties` on all ways.
    names: Names,
}

/// What the patterns for the names of an object cost.
#[derive(Clone, Copy, Default)]
struct Names {
    per_member: u64,
    per_byte: u64,
}

impl Names {
    fn of(place: &Place<'_>) -> Self {
        let Some(Value::Object(patterns)) = place.schema.get("patternProperties") else {
            return Self::default();
        };
        let per_byte =
            patterns.keys().map(|pattern| pattern::measure(pattern)).map(Size::per_byte_of_long).sum();
        Self { per_member: 10 * patterns.len() as u64, per_byte }
    }

    fn and(self, other: Self) -> Self {
        Self {
            per_member: self.per_member.saturating_add(other.per_member),
            per_byte: self.per_byte.saturating_add(other.per_byte),
        }
    }
}

fn extents(survey: &Survey<'_>) -> Result<Vec<Extent>, String> {
    let places = &survey.places;
    let mut extents = vec![Extent::default(); places.len()];
    for index in inner_first(places)? {
        let mut extent = Extent { chain: 1, schemas: 1, names: Names::of(&places[index]) };
        for inner in places[index].alongside.iter().map(|&inner| extents[inner]) {
            extent.chain = extent.chain.max(inner.chain + 1);
            extent.schemas = extent.schemas.saturating_add(inner.schemas);
            extent.names = extent.names.and(inner.names);
        }
        if extent.chain > CHAIN_MAX {
            return Err(format!("more than {CHAIN_MAX} schemas are applied to a value one within the other"));
        }
        extents[index] = extent;
    }
    Ok(extents)
}

/// The places in an order in which each comes after all that are alongside it.
fn inner_first(places: &[Place<'_>]) -> Result<Vec<usize>, String> {
    let mut uses = vec![0_usize; places.len()];
    for &inner in places.iter().flat_map(|place| &place.alongside) {
        uses[inner] += 1;
    }
    let mut order: Vec<usize> = (0..places.len()).filter(|&index| uses[index] == 0).collect();
    let mut next = 0;
    while let Some(&index) = order.get(next) {
        for &inner in &places[index].alongside {
            uses[inner] -= 1;
            if uses[inner] == 0 {
                order.push(inner);
            }
        }
        next += 1;
    }
    if order.len() < places.len() {
        return Err("a reference in it leads back to where it stands, with nothing of the value in between"
            .to_owned());
    }
    order.reverse();
    Ok(order)
}

/// How many schemas are compiled one within the other. What is written within a schema is listed after it.
fn depth(places: &[Place<'_>]) -> usize {
    let mut depths = vec![0; places.len()];
    for _ in 0..=REFERENCES_WITHIN {
        let before = depths.clone();
        for (index, place) in places.iter().enumerate().rev() {
            let within = place.within.iter().map(|&part| depths[part]);
            let referred = place.referred.iter().map(|&place| before[place]);
            depths[index] = 1 + within.chain(referred).max().unwrap_or_default();
        }
    }
    depths.into_iter().max().unwrap_or_default()
}

/// The work of each place that the value does not count.
fn works(survey: &Survey<'_>, extents: &[Extent]) -> Result<Vec<Work>, String> {
    let mut repeated = 0_u64;
    let works = survey.places.iter().zip(extents).map(|(place, extent)| {
        let has = |keyword: &str| place.schema.get(keyword).is_some();
        let mut names = Names::of(place);
        let mut work = Work::default();
        if has("unevaluatedProperties") || has("unevaluatedItems") {
            work.value = extent.schemas;
            names = names.and(extent.names);
        }
        if has("unevaluatedItems") {
            work.element = 1 + extent.schemas / 8;
        }
        if has("unevaluatedProperties") || has("unevaluatedItems") || has("anyOf") || has("oneOf") {
            repeated = repeated.saturating_add(extent.schemas);
        }
        let is_boolean = |&&inner: &&usize| survey.places[inner].schema.is_boolean();
        work.value += place.alongside.iter().filter(is_boolean).count() as u64;
        (work.member, work.name_byte) = (names.per_member, names.per_byte);
        work
    });
    let works = works.collect();
    if repeated > REPEATED_MAX {
        return Err("too many of its schemas are referred to again and again from alternatives".to_owned());
    }
    Ok(works)
}

fn copy(schema: &Value, survey: &Survey<'_>, works: &[Work]) -> Result<Value, String> {
    let Value::Object(members) = schema else { return Ok(schema.clone()) };
    let mut copied = Map::new();
    for (keyword, value) in members {
        let value = match (holds(keyword), value) {
            // All of it is read as one draft.
            _ if keyword == "$schema" => continue,
            // The library would pass over it.
            _ if keyword == "$ref" && value == "" => Value::from("#"),
            (Some((Holds::One, _)), schema) => copy(schema, survey, works)?,
            (Some((Holds::List, _)), Value::Array(list)) => {
                let list = list.iter().map(|schema| copy(schema, survey, works));
                Value::Array(list.collect::<Result<_, _>>()?)
            }
            (Some((Holds::Named, _)), Value::Object(named)) => {
                let named = named
                    .iter()
                    .map(|(name, schema)| Ok::<_, String>((name.clone(), copy(schema, survey, works)?)));
                Value::Object(named.collect::<Result<_, _>>()?)
            }
            _ => value.clone(),
        };
        copied.insert(keyword.clone(), value);
    }
    let work = survey.index(schema).map_or(Work::default(), |index| works[index]);
    mark::put(&mut copied, work)?;
    Ok(Value::Object(copied))
}
