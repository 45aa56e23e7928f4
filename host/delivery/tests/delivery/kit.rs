//! What the tests share: a message, a time, and a certificate.

use std::path::PathBuf;
use std::sync::Arc;

use longshore_domain::{MessageState, NewMessage, OutboxMessage, TaskId, Timestamp, message_id};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

/// 1 March 2026.
pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_772_323_200_000);

pub(crate) fn message() -> OutboxMessage {
    let task: TaskId = "5f0e9a2c-3f44-4f07-9a63-5d2f4a8f7c11".parse().unwrap();
    OutboxMessage {
        id: message_id(task, "a"),
        task,
        message: NewMessage {
            channel: "email".into(),
            key: "a".into(),
            recipient: "orders@supplier.example".into(),
            subject: "Restock".into(),
            content_type: "text/plain".into(),
            body: "Please send 12 × rice.\n.\nThank you\n".into(),
        },
        created_at: NOW,
        state: MessageState::Pending,
        tries: 1,
        last_error: None,
        delivered_at: None,
        next_try_at: None,
    }
}

/// A certificate for `localhost`, signed by an authority that only its file vouches for.
pub(crate) struct Certificate {
    folder: TempDir,
    pub(crate) acceptor: TlsAcceptor,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { folder, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// The file to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file with that text.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}
