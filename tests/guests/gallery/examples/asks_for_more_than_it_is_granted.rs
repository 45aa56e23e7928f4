//! Asks for a source that nobody grants it.

use gallery::JobType;
use gallery::longshore::job::types::Permission;

gallery::guest!("Asks for more than it is granted.", |_| Ok("{}".into()), |sound: JobType| {
    let shop = Permission { kind: "data".into(), target: "shop".into(), reason: "to look around".into() };
    JobType { permissions: vec![shop], ..sound }
});
