//! Asks for ten thousand permissions.

use gallery::JobType;
use gallery::longshore::job::types::Permission;

gallery::guest!("Asks for ten thousand permissions.", |_| Ok("{}".into()), |sound: JobType| {
    let permission = |number| Permission {
        kind: "data".into(),
        target: format!("source_{number}"),
        reason: "because".into(),
    };
    JobType { permissions: (0..10_000).map(permission).collect(), ..sound }
});
