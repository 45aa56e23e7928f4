//! The plugins that come with Longshore, built from `plugins/` together with this program, and the templates of others.

/// A plugin within this program.
#[derive(Clone, Copy)]
pub(crate) struct EmbeddedPlugin {
    /// Name of its job type, and stem of its two files.
    pub(crate) name: &'static str,
    /// Its component.
    pub(crate) component: &'static [u8],
    /// Its policy, TOML.
    pub(crate) policy: &'static str,
}

/// The plugins by name.
pub(crate) static PLUGINS: &[EmbeddedPlugin] = include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

/// A template of a plugin within this program.
#[derive(Clone, Copy)]
pub(crate) struct EmbeddedTemplate {
    /// Its language, and the folder that it is from.
    pub(crate) language: &'static str,
    /// Its files: path and text.
    pub(crate) files: &'static [(&'static str, &'static str)],
}

/// The templates by language.
pub(crate) static TEMPLATES: &[EmbeddedTemplate] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_component_with_a_policy_that_reads() {
        let names: Vec<&str> = PLUGINS.iter().map(|plugin| plugin.name).collect();
        assert_eq!(names, ["bulk_invoice", "export", "notifications"]);
        for plugin in PLUGINS {
            // The preamble of a component, not of a module.
            assert_eq!(plugin.component[..8], [0, b'a', b's', b'm', 0x0d, 0, 1, 0], "{}", plugin.name);
            let policy: longshore_domain::Policy = toml::from_str(plugin.policy).unwrap();
            assert!(policy.enabled, "{}", plugin.name);
        }
    }
}
