//! Stands in for interfaces of WASI that the host does not have.
//!
//! Runtimes of some languages import more than a job needs. Such a component is to start. What nobody implements ends the
//! attempt when it is called.

use longshore_domain::Code;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};

use crate::failure::Ended;
use crate::guest::Guest;

/// What of WASI is there, packages and single interfaces, in any version 0.2.
const THERE: [&str; 8] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Defines whatever of WASI `component` imports and `linker` lacks.
pub(crate) fn define(linker: &mut Linker<Guest>, component: &Component) -> wasmtime::Result<()> {
    let (engine, ty) = (component.engine(), component.component_type());
    let instances = || {
        ty.imports(engine).filter_map(|(name, import)| match import.ty {
            ComponentItem::ComponentInstance(instance) => Some((name, instance)),
            _ => None,
        })
    };
    let mut resources = Resources::default();
    for (name, instance) in instances().filter(|(name, _)| !is_missing(name)) {
        for (export, resource) in resources_of(engine, &instance) {
            resources.know(name, &export, resource);
        }
    }
    for (name, instance) in instances().filter(|(name, _)| is_missing(name)) {
        let mut stub = linker.instance(name)?;
        for (export, resource) in resources_of(engine, &instance) {
            stub.resource(&export, resources.of(resource), |_, _| Ok(()))?;
        }
        for (export, item) in instance.exports(engine) {
            if let ComponentItem::ComponentFunc(_) = item.ty {
                let message = format!(
                    "the job called {export} of {name}, which a Longshore job does not get; build the component without it"
                );
                stub.func_new(export, move |_, _, _, _| {
                    Err(Ended::failed(Code::PermissionDenied, message.clone()).into())
                })?;
            }
        }
    }
    Ok(())
}

/// Whether an import is of WASI, and not there.
fn is_missing(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let package = interface.split_once('/').map_or(interface, |(package, _)| package);
    let is_there = THERE.contains(&package) || THERE.contains(&interface);
    package.starts_with("wasi:") && !(is_there && version.starts_with("0.2."))
}

fn resources_of(engine: &wasmtime::Engine, instance: &ComponentInstance) -> Vec<(String, ResourceType)> {
    let resource = |(name, item): (&str, wasmtime::component::types::ComponentExtern<'_>)| match item.ty {
        ComponentItem::Resource(resource) => Some((name.to_owned(), resource)),
        _ => None,
    };
    instance.exports(engine).filter_map(resource).collect()
}

/// Which of the host's types each resource type of a component is. Interfaces use each other's resources, so what is
/// the same for the component must be the same here.
#[derive(Default)]
struct Resources(Vec<(ResourceType, ResourceType)>);

impl Resources {
    /// Notes a resource of an interface that is there, if other interfaces may use it.
    fn know(&mut self, import: &str, name: &str, theirs: ResourceType) {
        let interface = import.split_once('@').map_or(import, |(interface, _)| interface);
        let ours = match (interface, name) {
            ("wasi:io/poll", "pollable") => ResourceType::host::<DynPollable>(),
            ("wasi:io/streams", "input-stream") => ResourceType::host::<DynInputStream>(),
            ("wasi:io/streams", "output-stream") => ResourceType::host::<DynOutputStream>(),
            ("wasi:io/error", "error") => ResourceType::host::<IoError>(),
            _ => return,
        };
        self.0.push((theirs, ours));
    }

    /// The host's type for a resource of a component, a new one if it is not known.
    fn of(&mut self, theirs: ResourceType) -> ResourceType {
        if let Some((_, ours)) = self.0.iter().find(|(other, _)| *other == theirs) {
            return *ours;
        }
        let ours = ResourceType::host_dynamic(self.0.len() as u32);
        self.0.push((theirs, ours));
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_missing() {
        for there in [
            "wasi:io/poll@0.2.12",
            "wasi:cli/stdout@0.2.0",
            "wasi:http/types@0.2.10",
            "longshore:job/task@0.1.0",
            "a:b/c",
        ] {
            assert!(!is_missing(there), "{there}");
        }
        for missing in [
            "wasi:http/types@0.3.0",
            "wasi:http/x@0.2.0",
            "wasi:io/poll@0.3.0",
            "wasi:keyvalue/store@0.2.0",
            "wasi:nn/x",
        ] {
            assert!(is_missing(missing), "{missing}");
        }
    }
}
