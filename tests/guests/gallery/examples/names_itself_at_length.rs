//! Has a name of eight megabytes, of characters that take six bytes to be shown.

use gallery::JobType;

gallery::guest!("Has a name of eight megabytes.", |_| Ok("{}".into()), |sound: JobType| JobType {
    name: "\u{1}".repeat(8 << 20),
    ..sound
});
