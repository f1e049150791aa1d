//! The JSON of a machine.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{RecordType, Refusal, compact, field, own_version};
use crate::{Machine, MachineId};

/// A machine as JSON, its fields in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// Always [`RecordType::Machine`].
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// The version of whoever wrote it.
    #[serde(default, deserialize_with = "field::schema_version")]
    pub schema_version: Option<String>,
    /// Its id in the ledger.
    pub id: MachineId,
    /// Its stable name.
    pub guid: String,
    /// Its name on the network.
    pub hostname: String,
    /// Whether it is a container.
    pub hw_in_docker: bool,
    /// Whether it is a virtual machine.
    pub hw_in_vm: bool,
    /// Who made the hardware.
    pub hw_manufacturer: String,
    /// What the hardware is called.
    pub hw_product: String,
    /// The hardware's uuid, or the machine id.
    pub hw_uuid: String,
    /// Instruction set.
    pub os_arch: String,
    /// Kind of operating system.
    pub os_family: String,
    /// Kernel release, architecture and libc.
    pub os_platform: String,
    /// Name of the distribution.
    pub os_release: String,
    /// Version text of the kernel.
    pub os_kernel: String,
    /// Load, memory, swap and disks when it was looked at.
    pub stats: Option<Value>,
    /// Its derived configuration.
    pub config: Option<Value>,
}

impl From<&Machine> for MachineRecord {
    fn from(machine: &Machine) -> Self {
        let facts = machine.facts.clone();
        Self {
            record_type: RecordType::Machine,
            schema_version: own_version(),
            id: machine.id,
            guid: facts.guid,
            hostname: facts.hostname,
            hw_in_docker: facts.hw_in_docker,
            hw_in_vm: facts.hw_in_vm,
            hw_manufacturer: facts.hw_manufacturer,
            hw_product: facts.hw_product,
            hw_uuid: facts.hw_uuid,
            os_arch: facts.os_arch,
            os_family: facts.os_family,
            os_platform: facts.os_platform,
            os_release: facts.os_release,
            os_kernel: facts.os_kernel,
            stats: facts.stats,
            config: machine.config.clone(),
        }
    }
}

impl Machine {
    /// The machine as one line of JSON, without its end; see [`MachineRecord`].
    #[must_use]
    pub fn to_json(&self) -> String {
        compact(&MachineRecord::from(self))
    }
}

/// The configuration patch of a machine record: all that is ever taken of one.
///
/// Either `config` is an object of keys to set, or the older form names one key, which some
/// writers put behind `config/`.
pub(super) fn config_patch(mut object: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    match object.remove("config") {
        Some(Value::Object(patch)) => return Ok(patch),
        Some(Value::Null) if !object.contains_key("_method") => return Ok(Map::new()),
        None | Some(Value::Null) => {}
        Some(_) => return Err(Refusal::NoConfig),
    }
    match object.remove("_method") {
        None | Some(Value::Null) => Err(Refusal::NoConfig),
        Some(Value::String(method)) if method == "update" => one_key(object),
        Some(method) => Err(Refusal::UnknownMethod {
            method: method
                .as_str()
                .map_or_else(|| method.to_string(), str::to_owned),
        }),
    }
}

fn one_key(mut object: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let (Some(Value::String(key)), Some(value)) = (object.remove("key"), object.remove("value"))
    else {
        return Err(Refusal::NoKey);
    };
    let key = key.strip_prefix("config/").unwrap_or(&key).trim();
    if key.is_empty() {
        return Err(Refusal::NoKey);
    }
    Ok(Map::from_iter([(key.to_owned(), value)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(value: &Value) -> Result<Value, String> {
        config_patch(value.as_object().unwrap().clone())
            .map(Value::Object)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_config_is_a_patch() {
        let record = json!({"type": "Machine", "hostname": "x", "config": {"A_BINARY": "a"}});
        assert_eq!(patch(&record), Ok(json!({"A_BINARY": "a"})));
        assert_eq!(patch(&json!({"config": null})), Ok(json!({})));
    }

    #[test]
    fn the_older_form_sets_one_key() {
        for key in ["A_BINARY", "config/A_BINARY", "config/ A_BINARY "] {
            let record = json!({"_method": "update", "key": key, "value": [1]});
            assert_eq!(patch(&record), Ok(json!({"A_BINARY": [1]})), "{key}");
        }
    }

    #[test]
    fn what_is_no_patch_is_refused_with_what_to_do() {
        for (record, says) in [
            (json!({"hostname": "x"}), "no \"config\""),
            (json!({"config": ["A"]}), "no \"config\""),
            (json!({"_method": "unset", "key": "A"}), "\"unset\""),
            (json!({"_method": 5}), "\"5\""),
            (json!({"_method": "update", "key": "A"}), "needs a \"key\""),
            (json!({"_method": "update", "value": 1}), "needs a \"key\""),
            (
                json!({"_method": "update", "key": "config/", "value": 1}),
                "needs a \"key\"",
            ),
        ] {
            let error = patch(&record).unwrap_err();
            assert!(error.contains(says), "{record}: {error}");
        }
    }
}
