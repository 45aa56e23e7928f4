//! How SQL is kept: each statement a named constant in the file of its verb, listed there so that the tests can check
//! the plan of every one.

/// Defines SQL statements as constants, and for the tests `STATEMENTS`, their names and texts.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $sql;)*

        /// Names and texts of the statements of this file.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name),)*];
    };
}

pub(crate) use statements;
