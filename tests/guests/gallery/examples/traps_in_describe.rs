//! Panics when it is asked what it is.

gallery::guest!("Panics when it is asked what it is.", |_| Ok("{}".into()), |_| panic!(
    "none of your business"
));
