//! Messages as files in a folder.

use std::os::unix::fs::PermissionsExt as _;

use longshore_delivery::SpoolSink;
use longshore_domain::MessageSink as _;
use serde_json::Value;

use crate::kit::{NOW, message};

#[tokio::test]
async fn a_message_becomes_one_file_however_often_it_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool/email");
    let (sink, message) = (SpoolSink::new(&spool), message());
    for _ in 0..2 {
        sink.deliver(&message, NOW).await.unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [spool.join(format!("{}.json", message.id))]);
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((value["id"].as_str(), value["key"].as_str()), (Some(&*message.id.to_string()), Some("a")));
    assert!(text.ends_with("}\n"));
    let mode = std::fs::metadata(&spool).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "a folder that was not there is nobody else's");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SpoolSink::new(file.join("spool")).deliver(&message(), NOW).await.unwrap_err();
    assert!(error.retryable, "{error}");
}
