//! Gives a schema that is nested deeper than clients read what they are sent.

use gallery::JobType;

gallery::guest!("Gives a schema that is nested too deep.", |_| Ok("{}".into()), |sound: JobType| {
    let (open, close) = ("[".repeat(120), "]".repeat(120));
    JobType { input_schema: format!("{{\"type\": \"object\", \"default\": {open}{close}}}"), ..sound }
});
