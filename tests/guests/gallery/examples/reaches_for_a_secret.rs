//! Reads a secret that it is not granted.

use gallery::longshore::job::secrets::get;

gallery::guest!("Reads a secret that it is not granted.", |_| {
    gallery::try_all(["crm_token"], |name| get(name).map_err(|error| error.code))
});
