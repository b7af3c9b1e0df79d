//! A whole configuration file, from the schemas of what is linked: as a schema, for editors, and as a file with every
//! setting, for people.

use std::{fmt::Write as _, sync::Arc};

use schemars::schema_for;
use serde_json::{Value, json};

use super::{PLUGINS, Settings, layers, manual, plugins::Controls};

/// What stands at the top of the file.
const HEAD: &str = "\
# Every setting with its default and what it means. All of it may be left out.
#
# Layers, each over the one before: defaults, this file, that of the profile (--profile production: config.production.yaml
# beside it), what plugins give (config.load), the environment, the command line (--set), config.local.yaml beside it (which
# the service writes when operators change something with `persist`), what they change until the next restart, the program.
# In the environment `server.max_body` is CHASSIS__SERVER__MAX_BODY; an underscore there also means a hyphen:
# CHASSIS__PLUGINS__REQUEST_TRACING__ENABLED=false. Values there are YAML as well: 5, true, [10.0.0.0/8, \"fd00::/8\"],
# {a: 1}; what begins with no bracket or quote is never a list or a map.
#
# In a value, ${PORT}, ${PORT:-8080} and ${PORT:?say which} stand for a variable, ${file:/run/secrets/key} for what is in a
# file, and $${ for a plain ${. (Inside of { } such a value stands in quotes.)
#
# Times have a unit: 250ms, 30s, 5m, 2h. So have sizes: 512B, 16KiB, 2MiB, 1GiB.
# A key that is not known is an error, and so is a number without its unit.
";

/// What stands before the plugins.
const BEFORE_PLUGINS: &str = "\
# Plugins that are linked take part without being mentioned here, and one that is mentioned has to be linked. For each there
# are keys of the chassis, and `config:` for the plugin's own:
#
#   request-tracing:
#     enabled: true             # false: it is neither built nor called
#     required: false           # true: the service does not start without it; default: as it says itself
#     use: request-tracing      # the plugin that this is a further instance of; default: that of this name
#     priority: 0               # of all that it contributes; lower comes first; default: as it says itself
#     points:
#       middleware.pre_request: {priority: 5}   # of what it contributes to this point only; also `deadline`
#     deadlines: {init: 30s, start: 30s, stop: 10s, call: 5s}   # of its steps; of each call of a handler that awaits
#     limits: {in_flight: 100}  # calls of each handler that awaits; further ones are refused with 503; default: any number;
#                               # also `queue` and `when_full`, of events that wait for it; default: as `events` says
#     tags: [payments]          # words to find it by
#     config: {}                # its own settings
";

/// The JSON Schema of a configuration file with these plugins.
pub(crate) fn schema(plugins: &[(Arc<str>, Value)]) -> Value {
    let mut whole = schema_for!(Settings).to_value();
    let controls = schema_for!(Controls).to_value();
    let section = |name: &str, own: Option<&Value>| {
        let mut section = controls.clone();
        section["properties"]["config"] = match own {
            Some(own) => {
                let mut own = own.clone();
                // What it refers to is in itself.
                own["$id"] = format!("urn:chassis:plugin:{name}").into();
                own
            }
            None => json!({"type": ["object", "null"]}),
        };
        section["type"] = json!(["object", "null"]);
        section["$id"] = format!("urn:chassis:section:{name}").into();
        if let Some(section) = section.as_object_mut() {
            section.remove("$schema");
        }
        section
    };
    let mut known = serde_json::Map::new();
    for (name, own) in plugins {
        known.insert(name.to_string(), section(name, Some(own)));
    }
    whole["title"] = "The configuration of a service".into();
    whole["properties"][PLUGINS] = json!({
        "description": "The plugins and further instances of them, by name.",
        "type": ["object", "null"],
        "properties": known,
        "additionalProperties": section("instance", None),
    });
    whole
}

/// A configuration file that says every default, with what each key means.
pub(crate) fn manual(plugins: &[(Arc<str>, Value)]) -> String {
    let mut schema = schema_for!(Settings).to_value();
    let mut defaults = layers::defaults(None).to_json();
    for key in ["name", "version"] {
        // Those of the program, which are not for a file to say.
        if let Some(service) = defaults["service"].as_object_mut() {
            service.remove(key);
        }
        for place in ["/$defs/ServiceSettings", "/properties/service"] {
            let Some(service) = schema.pointer_mut(place) else {
                continue;
            };
            if let Some(property) = service.pointer_mut(&format!("/properties/{key}")) {
                property
                    .as_object_mut()
                    .map(|property| property.remove("default"));
            }
            service
                .as_object_mut()
                .map(|service| service.remove("default"));
        }
    }
    if let Some(defaults) = defaults.as_object_mut() {
        defaults.remove(PLUGINS);
    }
    let mut text = format!("{HEAD}\n{}", manual::yaml(&schema, &defaults, 0));
    _ = write!(text, "\n{BEFORE_PLUGINS}");
    if !plugins.is_empty() {
        text.push_str("#\n# Those that are linked, with their defaults:\n");
    }
    // As comments: who copies the file should not hold on to the defaults of plugins for ever, and a section may only
    // stand where its plugin is linked.
    for (name, schema) in plugins {
        let about = schema["description"].as_str().unwrap_or_default();
        _ = writeln!(text, "#\n{:<32} # {about}", format!("#   {name}:"));
        text.push_str("#     enabled: true\n");
        let own = manual::yaml(schema, &json!({}), 6);
        if !own.is_empty() {
            text.push_str("#     config:\n");
            for line in own.lines() {
                _ = writeln!(text, "# {line}");
            }
        }
    }
    _ = writeln!(text, "{PLUGINS}: {{}}");
    text
}

/// Tables of all settings, in Markdown: a heading and a table for each section.
pub(crate) fn tables(plugins: &[(Arc<str>, Value)]) -> String {
    let whole = schema_for!(Settings).to_value();
    let mut text = String::new();
    let mut section = |name: &str, schema: &Value| {
        let table = manual::table(schema);
        // The head alone: there is nothing to set.
        if table.lines().count() > 2 {
            _ = write!(text, "## `{name}`\n\n{table}\n");
        }
    };
    for (name, schema) in whole["properties"].as_object().into_iter().flatten() {
        // As a schema of its own, with what it refers to.
        let mut schema = schema.clone();
        schema["$defs"] = whole["$defs"].clone();
        section(name, &schema);
    }
    for (name, schema) in plugins {
        section(&format!("plugins.{name}.config"), schema);
    }
    text
}
