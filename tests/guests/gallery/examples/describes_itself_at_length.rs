//! Describes itself in eight megabytes.

use gallery::JobType;

gallery::guest!("Describes itself at length.", |_| Ok("{}".into()), |sound: JobType| JobType {
    description: "It goes on and on. ".repeat(440_000),
    ..sound
});
