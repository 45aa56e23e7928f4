//! Opens an artifact when it is asked what it is, while there is no task to open it for.

use gallery::longshore::job::artifacts::open;

gallery::guest!("Calls the host when it is asked what it is.", |_| Ok("{}".into()), |sound| {
    let _ = open("early.txt", "text/plain");
    sound
});
