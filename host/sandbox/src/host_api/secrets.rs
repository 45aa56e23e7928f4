//! `secrets`: what the operator lets a job know.

use crate::bindings::longshore::job::secrets::Host;
use crate::bindings::longshore::job::types::HostError;
use crate::guest::{Attempt, Guest};
use crate::host_api::{host_error, not_granted};

impl Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, HostError>> {
        let log = std::sync::Arc::clone(&self.log);
        let attempt: &mut Attempt = self.attempt()?;
        let grants = &attempt.request.job.policy.grants;
        if !grants.secrets.contains(&name) {
            return Err(not_granted(attempt.job_name(), grants, "secrets", "asked for the secret", &name));
        }
        match attempt.shared.secrets.read(&name).await {
            Ok(secret) => {
                log.known.tell(&name, &secret);
                Ok(Ok(secret.expose().to_owned()))
            }
            Err(error) => Ok(Err(host_error("secret_unavailable", error.to_string()))),
        }
    }
}
