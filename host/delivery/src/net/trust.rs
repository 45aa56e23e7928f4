//! Which servers are believed to be who they say: TLS with the certificates of the machine, or those of a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use longshore_domain::DeliveryError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// TLS for a client that trusts the authorities in `ca_file`, and nobody else; those of the machine when there is no
/// file.
pub(crate) async fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, DeliveryError> {
    let ca_file = ca_file.map(Path::to_owned);
    let built = tokio::task::spawn_blocking(move || build(ca_file)).await;
    built.map_err(|error| DeliveryError::transient(error.to_string())).flatten()
}

fn build(ca_file: Option<PathBuf>) -> Result<Arc<ClientConfig>, DeliveryError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            for certificate in read_certificates(&path)? {
                roots.add(certificate).map_err(|error| unusable(&path, &error))?;
            }
        }
        // One that cannot be parsed is left out, as everywhere: machines carry some that nobody can.
        None => _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    }
    if roots.is_empty() {
        return Err(DeliveryError::transient(
            "this machine has no certificates of authorities to trust: install ca-certificates, or name a ca_file",
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DeliveryError::transient(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, DeliveryError> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?;
    let certificates: Vec<_> =
        certificates.collect::<Result<_, _>>().map_err(|error| unusable(path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(path, &"there is no certificate in it"));
    }
    Ok(certificates)
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> DeliveryError {
    DeliveryError::transient(format!("the ca_file {} cannot be used: {why}", path.display()))
}
