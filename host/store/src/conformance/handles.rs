//! Cases of a store that two have open, as two processes would.

use super::Open;
use super::kit::{new_task, two};

/// What one handle acknowledged, the other sees at once.
pub async fn another_handle_sees_every_write(open: Open) {
    let stores = two(&open);
    for number in 0..50 {
        let (writer, reader) = (&stores[number % 2], &stores[(number + 1) % 2]);
        let id = writer.submit(new_task()).await.unwrap().task.id;
        assert!(reader.get(None, id).await.unwrap().is_some());
        assert!(writer.get(None, id).await.unwrap().is_some());
    }
}

/// A number tells of writes by others, and only by others.
pub async fn changes_by_others_are_noticed(open: Open) {
    let [one, other] = two(&open);
    one.submit(new_task()).await.unwrap();
    let before = one.foreign_changes().await.unwrap();
    assert_eq!(one.foreign_changes().await.unwrap(), before);
    one.submit(new_task()).await.unwrap();
    assert_eq!(one.foreign_changes().await.unwrap(), before, "its own write");
    let others = other.foreign_changes().await.unwrap();
    other.submit(new_task()).await.unwrap();
    let after = one.foreign_changes().await.unwrap();
    assert_ne!(after, before);
    // Its own write after the other's does not hide it.
    other.submit(new_task()).await.unwrap();
    one.submit(new_task()).await.unwrap();
    assert_ne!(one.foreign_changes().await.unwrap(), after);
    assert_ne!(other.foreign_changes().await.unwrap(), others);
}
