//! The things that another's JSON of a binary can mean.

use serde_json::Value;

use super::BinaryRecord;
use crate::binary::limits;
use crate::json::{Refusal, field};
use crate::{BinaryId, InstalledFile, MachineId};

/// A binary that another's JSON tells of, checked: every text fits its field.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryInput {
    /// The id it has with the writer.
    pub id: Option<BinaryId>,
    /// The host it is on, by the writer's account.
    pub machine_id: Option<MachineId>,
    /// The name it is asked for by; with the machine it finds the row to update.
    pub name: String,
    /// What to do differently per provider, when the record says; exactly as given.
    pub overrides: Option<Value>,
    /// Which version it must have at least, when the record says.
    pub min_version: Option<String>,
    /// How many attempts it has, when the record says.
    pub max_attempts: Option<u32>,
    /// What the record means.
    pub case: BinaryCase,
}

/// What a binary's JSON means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinaryCase {
    /// It is installed: insert or update as installed and never due, with these providers.
    Installed {
        /// The allow-list the record gives.
        binproviders: String,
        /// The program.
        file: InstalledFile,
    },
    /// It is asked for: insert or update as queued, due now.
    Request {
        /// The allow-list, when the record gives one.
        binproviders: Option<String>,
    },
    /// A hook has installed it: insert or update as installed and never due; the allow-list
    /// of a row that is there stays.
    HookResult {
        /// The program.
        file: InstalledFile,
    },
}

impl TryFrom<BinaryRecord> for BinaryInput {
    type Error = Refusal;

    /// Decides which of the cases a record is.
    ///
    /// Path and version make it installed, whatever else is there: an empty allow-list allows
    /// any provider and is no request then. An empty text is as good as none.
    fn try_from(record: BinaryRecord) -> Result<Self, Refusal> {
        let record_type = record.record_type;
        let check = |limit, text: &Option<String>| {
            field::check(record_type, limit, text.as_deref().unwrap_or_default())
        };
        check(limits::NAME, &record.name)?;
        check(limits::BINPROVIDERS, &record.binproviders)?;
        check(limits::BINPROVIDER, &record.binprovider)?;
        check(limits::ABSPATH, &record.abspath)?;
        check(limits::SHA256, &record.sha256)?;
        check(limits::MIN_VERSION, &record.min_version)?;

        let name = record
            .name
            .filter(|name| !name.trim().is_empty())
            .ok_or(Refusal::NoName {
                record: record_type,
            })?;
        let abspath = record.abspath.filter(|path| !path.is_empty());
        let version = record.version.filter(|version| !version.is_empty());
        let asked_by_overrides =
            abspath.is_none() && record.overrides.as_ref().is_some_and(|it| !it.is_null());
        let case = match (abspath, version, record.binproviders) {
            (Some(abspath), Some(version), binproviders) => {
                let version = limits::VERSION.cut(version);
                check(limits::VERSION, &Some(version.clone()))?;
                let file = InstalledFile {
                    abspath,
                    version,
                    sha256: record.sha256.filter(|sum| !sum.is_empty()),
                    binprovider: record.binprovider.filter(|name| !name.is_empty()),
                };
                match binproviders.filter(|list| !list.is_empty()) {
                    Some(binproviders) => BinaryCase::Installed { binproviders, file },
                    None => BinaryCase::HookResult { file },
                }
            }
            (_, _, binproviders) if binproviders.is_some() || asked_by_overrides => {
                BinaryCase::Request { binproviders }
            }
            _ => {
                return Err(Refusal::NeitherRequestNorInstalled {
                    record: record_type,
                    name,
                });
            }
        };
        Ok(Self {
            id: record.id,
            machine_id: record.machine_id,
            name,
            overrides: record.overrides,
            min_version: record.min_version.filter(|version| !version.is_empty()),
            max_attempts: record.max_attempts.filter(|attempts| *attempts > 0),
            case,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binary, Timestamp};
    use serde_json::json;

    fn read(mut value: Value) -> Result<BinaryInput, Refusal> {
        value["type"] = json!("Binary");
        let record: BinaryRecord = serde_json::from_value(value).unwrap();
        record.try_into()
    }

    fn case(value: Value) -> BinaryCase {
        read(value).unwrap().case
    }

    fn file() -> InstalledFile {
        InstalledFile {
            abspath: "/bin/x".to_owned(),
            version: "1.0".to_owned(),
            sha256: None,
            binprovider: None,
        }
    }

    #[test]
    fn path_version_and_providers_say_it_is_installed() {
        let it =
            json!({"name": "x", "abspath": "/bin/x", "version": "1.0", "binproviders": "env,apt"});
        let expected = BinaryCase::Installed {
            binproviders: "env,apt".to_owned(),
            file: file(),
        };
        assert_eq!(case(it), expected);
    }

    #[test]
    fn path_and_version_alone_are_what_a_hook_says() {
        for binproviders in [Value::Null, json!("")] {
            let it = json!({"name": "x", "abspath": "/bin/x", "version": "1.0",
                            "binproviders": binproviders, "overrides": {}, "sha256": ""});
            assert_eq!(case(it), BinaryCase::HookResult { file: file() });
        }
    }

    #[test]
    fn providers_or_overrides_without_a_path_ask_for_it() {
        for (it, expected) in [
            (json!({"name": "x", "binproviders": "pip"}), Some("pip")),
            (json!({"name": "x", "binproviders": ""}), Some("")),
            (
                json!({"name": "x", "binproviders": "pip", "abspath": "/bin/x"}),
                Some("pip"),
            ),
            (json!({"name": "x", "overrides": {"apt": {}}}), None),
            (
                json!({"name": "x", "overrides": {}, "abspath": "", "version": ""}),
                None,
            ),
        ] {
            let binproviders = expected.map(str::to_owned);
            assert_eq!(
                case(it.clone()),
                BinaryCase::Request { binproviders },
                "{it}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for it in [
            json!({"name": "x"}),
            json!({"name": "x", "abspath": "/bin/x"}),
            json!({"name": "x", "version": "1.0"}),
            json!({"name": "x", "abspath": "/bin/x", "overrides": {"apt": {}}}),
            json!({"name": "x", "overrides": null}),
        ] {
            let refusal = read(it.clone()).unwrap_err();
            assert!(
                matches!(&refusal, Refusal::NeitherRequestNorInstalled { name, .. } if name == "x"),
                "{it}: {refusal}"
            );
        }
        for it in [json!({}), json!({"name": " "}), json!({"name": null})] {
            assert!(matches!(read(it), Err(Refusal::NoName { .. })));
        }
    }

    #[test]
    fn a_long_path_is_refused_and_a_long_version_cut() {
        let long = "1".repeat(300);
        let it = json!({"name": "x", "abspath": "/bin/x", "version": long});
        let BinaryCase::HookResult { file } = case(it) else {
            panic!("a hook's result");
        };
        assert_eq!(file.version.len(), 32);
        let refusal = read(json!({"name": "x", "abspath": long, "version": "1"})).unwrap_err();
        assert!(matches!(refusal, Refusal::Limit { source, .. } if source.field == "abspath"));
        let refusal = read(json!({"name": "a\0b", "binproviders": "env"})).unwrap_err();
        assert!(matches!(
            refusal,
            Refusal::NulCharacter { field: "name", .. }
        ));
    }

    #[test]
    fn what_we_write_of_a_request_reads_as_a_request() {
        let mut binary = Binary::request(MachineId::generate(), "x", Timestamp::now()).unwrap();
        let written: Value = serde_json::from_str(&binary.to_json()).unwrap();
        assert_eq!(written["type"], "BinaryRequest");
        assert_eq!(
            case(written),
            BinaryCase::Request {
                binproviders: Some(String::new())
            }
        );
        binary.abspath = "/bin/x".to_owned();
        binary.version = "1.0".to_owned();
        let written: Value = serde_json::from_str(&binary.to_json()).unwrap();
        assert_eq!(written["type"], "Binary");
        assert_eq!(case(written), BinaryCase::HookResult { file: file() });
    }
}
