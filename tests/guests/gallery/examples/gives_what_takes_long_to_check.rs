//! Gives a result that is checked against a schema that doubles at each of its levels.

use gallery::JobType;

/// 33 million applications of the innermost one.
const LEVELS: usize = 25;

gallery::guest!("Has its result checked for long.", |_| Ok("1".into()), |sound: JobType| {
    let level = |n: usize| {
        let below = format!("{{\"$ref\": \"#/$defs/{n}\"}}");
        format!("\"{}\": {{\"allOf\": [{below}, {below}]}}", n + 1)
    };
    let levels: Vec<String> = (0..LEVELS).map(level).collect();
    let schema =
        format!("{{\"$defs\": {{\"0\": true, {}}}, \"$ref\": \"#/$defs/{LEVELS}\"}}", levels.join(", "));
    JobType { output_schema: Some(schema), ..sound }
});
