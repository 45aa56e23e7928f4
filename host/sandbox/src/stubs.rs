//! Stands in for interfaces of WASI that the host does not have.
//!
//! Runtimes of some languages import more than a job needs. Such a component is to start. What nobody implements ends the
//! attempt when it is called.

use std::sync::Arc;

use longshore_domain::Code;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};

use crate::failure::Ended;
use crate::guest::Guest;
use crate::host_api::shown;

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

/// Functions and resources that are stood in for in one component, and bytes of their names. Languages need some hundred;
/// a component of a stranger may name a hundred thousand, each at length, and the host would have to keep them all.
const STUBS_MAX: usize = 5_000;
const NAMES_BYTES_MAX: usize = 1 << 20;

/// Defines whatever of WASI `component` imports and `linker` lacks.
pub(crate) fn define(linker: &mut Linker<Guest>, component: &Component) -> wasmtime::Result<()> {
    let (engine, ty) = (component.engine(), component.component_type());
    let instances = || {
        ty.imports(engine).filter_map(|(name, import)| match import.ty {
            ComponentItem::ComponentInstance(instance) => Some((name, instance)),
            _ => None,
        })
    };
    let (mut resources, mut count) = (Resources::default(), Count::default());
    for (name, instance) in instances().filter(|(name, _)| !is_missing(name)) {
        for (export, resource) in resources_of(engine, &instance) {
            resources.know(name, &export, resource);
        }
    }
    for (name, instance) in instances().filter(|(name, _)| is_missing(name)) {
        count.take(name)?;
        let mut stub = linker.instance(name)?;
        let interface: Arc<str> = name.into();
        for (export, resource) in resources_of(engine, &instance) {
            count.take(&export)?;
            stub.resource(&export, resources.of(resource), |_, _| Ok(()))?;
        }
        for (export, item) in instance.exports(engine) {
            if let ComponentItem::ComponentFunc(_) = item.ty {
                count.take(export)?;
                let (interface, function) = (Arc::clone(&interface), Box::<str>::from(export));
                stub.func_new(export, move |_, _, _, _| Err(not_there(&interface, &function).into()))?;
            }
        }
    }
    Ok(())
}

/// The end of an attempt that called what nobody implements.
fn not_there(interface: &str, function: &str) -> Ended {
    let (interface, function) = (shown(interface), shown(function));
    let message = format!(
        "the job called {function} of {interface}, which a Longshore job does not get; build the component without it"
    );
    Ended::failed(Code::PermissionDenied, message)
}

/// What is stood in for so far.
#[derive(Default)]
struct Count {
    stubs: usize,
    names_bytes: usize,
}

impl Count {
    /// Counts one more, of that name.
    fn take(&mut self, name: &str) -> wasmtime::Result<()> {
        self.stubs += 1;
        self.names_bytes = self.names_bytes.saturating_add(name.len());
        if self.stubs > STUBS_MAX || self.names_bytes > NAMES_BYTES_MAX {
            return Err(wasmtime::Error::msg(format!(
                "it imports more of WASI that a Longshore job does not get than the host stands in for: {STUBS_MAX} \
                 functions and resources, whose names have {NAMES_BYTES_MAX} bytes"
            )));
        }
        Ok(())
    }
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
    use crate::engine::compiling_engine;

    /// What is said of a component that imports so many functions of an interface that is not there.
    fn defined(interface: &str, functions: usize) -> Result<(), String> {
        let exports: Vec<String> =
            (0..functions).map(|number| format!(r#"(export "f{number}" (func))"#)).collect();
        let text = format!(r#"(component (import "{interface}" (instance {})))"#, exports.concat());
        let engine = compiling_engine().unwrap();
        let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        define(&mut Linker::new(&engine), &component).map_err(|error| error.to_string())
    }

    #[test]
    fn only_so_much_is_stood_in_for() {
        assert_eq!(defined("wasi:keyvalue/store@0.2.0", 100), Ok(()));
        assert!(defined("wasi:keyvalue/store@0.2.0", STUBS_MAX).unwrap_err().contains("5000 functions"));
        let long = |chars| format!("wasi:keyvalue/{}@0.2.0", "x".repeat(chars));
        assert_eq!(defined(&long(90_000), STUBS_MAX / 2), Ok(()), "a name is kept once");
    }

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
