//! Gives a schema of eight megabytes, for agents to read.

use gallery::JobType;

gallery::guest!("Gives a huge schema.", |_| Ok("{}".into()), |sound: JobType| {
    let cities = "\"Delhi\", ".repeat(900_000);
    JobType { input_schema: format!("{{\"type\": \"object\", \"examples\": [{cities}1]}}"), ..sound }
});
