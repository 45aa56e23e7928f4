//! One value of a row, and how it becomes a Rust type.

use super::Value;

/// A value, borrowed from its [`Batch`](super::Batch).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// Text. The host gives text as UTF-8 only; as bytes here, so that a job that only copies them need not have
    /// them checked once more. [`Row::get`](super::Row::get) reads a `&str` or a `String`.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
    /// Text that is not valid UTF-8: SQLite takes any bytes for text.
    InvalidText(&'a [u8]),
}

impl Cell<'_> {
    /// A copy that owns its bytes and can be bound to a query. Text that is not valid UTF-8 becomes a blob.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) => Value::Integer(integer),
            Self::Real(real) => Value::Real(real),
            Self::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            Self::Blob(bytes) | Self::InvalidText(bytes) => Value::Blob(bytes.to_vec()),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a float",
            Self::Text(_) => "text",
            Self::Blob(_) => "a blob",
            Self::InvalidText(_) => "text that is not valid UTF-8",
        }
    }
}

/// A type that a cell can be read as: `i64`, `u64`, `u32`, `f64`, `bool`, `&str`, `String`, `&[u8]`, `Vec<u8>`, and
/// `Option` of each for columns that may be NULL.
pub trait FromCell<'a>: Sized {
    /// Reads the cell, or says why it cannot.
    fn from_cell(cell: Cell<'a>) -> Result<Self, String>;
}

fn mismatch<T>(cell: Cell<'_>, wanted: &str) -> Result<T, String> {
    Err(format!("is {} where {wanted} was expected", cell.kind()))
}

impl<'a> FromCell<'a> for i64 {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        match cell {
            Cell::Integer(integer) => Ok(integer),
            _ => mismatch(cell, "an integer"),
        }
    }
}

macro_rules! from_integer {
    ($($type:ty)*) => {
        $(impl<'a> FromCell<'a> for $type {
            fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
                let integer = i64::from_cell(cell)?;
                integer.try_into().map_err(|_| format!("is {integer}, which is out of range"))
            }
        })*
    };
}
from_integer!(u64 u32 i32);

impl<'a> FromCell<'a> for f64 {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        match cell {
            Cell::Real(real) => Ok(real),
            Cell::Integer(integer) => Ok(integer as f64),
            _ => mismatch(cell, "a number"),
        }
    }
}

impl<'a> FromCell<'a> for bool {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        Ok(i64::from_cell(cell)? != 0)
    }
}

impl<'a> FromCell<'a> for &'a str {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        match cell {
            Cell::Text(text) => std::str::from_utf8(text).map_err(|_| "is not valid UTF-8".into()),
            _ => mismatch(cell, "text"),
        }
    }
}

impl<'a> FromCell<'a> for String {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        <&str>::from_cell(cell).map(str::to_owned)
    }
}

impl<'a> FromCell<'a> for &'a [u8] {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        match cell {
            Cell::Text(bytes) | Cell::Blob(bytes) | Cell::InvalidText(bytes) => Ok(bytes),
            _ => mismatch(cell, "a blob"),
        }
    }
}

impl<'a> FromCell<'a> for Vec<u8> {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        <&[u8]>::from_cell(cell).map(<[u8]>::to_vec)
    }
}

impl<'a> FromCell<'a> for Value {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        Ok(cell.to_value())
    }
}

impl<'a, T: FromCell<'a>> FromCell<'a> for Option<T> {
    fn from_cell(cell: Cell<'a>) -> Result<Self, String> {
        match cell {
            Cell::Null => Ok(None),
            _ => T::from_cell(cell).map(Some),
        }
    }
}
