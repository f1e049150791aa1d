//! What is there already.

use std::path::PathBuf;

use hostledger_model::config::expand_home;

use crate::{BinaryProvider, Found, Request, Runner, Unsuccessful, is_program};

/// Finds programs that are on this host: named by a variable, linked before, or on `PATH`. An
/// absolute path is taken as it is.
pub(crate) struct Env;

impl BinaryProvider for Env {
    fn name(&self) -> &str {
        "env"
    }

    fn install(&self, request: &Request<'_>, _: &dyn Runner) -> Result<Found, Unsuccessful> {
        let given = request.overrides(self.name()).abspath;
        let path = given.or_else(|| {
            let name = &request.binary.name;
            name.starts_with('/').then(|| name.clone())
        });
        if let Some(path) = path {
            return Ok(Found::at(path));
        }
        let (place, name) = (request.place, request.name());
        let named = place.named(name).and_then(|value| named(request, value));
        named
            .or_else(|| place.linked(name))
            .or_else(|| place.on_path(name))
            .map(Found::at)
            .ok_or_else(|| Unsuccessful::failed(format!("there is no program {name} on PATH")))
    }
}

/// What the value of a variable stands for: a path, or another name on `PATH`.
fn named(request: &Request<'_>, value: &str) -> Option<PathBuf> {
    if value.contains('/') || value.starts_with('~') {
        let home = std::env::var("HOME").unwrap_or_default();
        let path = PathBuf::from(expand_home(value, &home));
        return Some(path).filter(|path| path.is_absolute() && is_program(path));
    }
    request.place.on_path(value)
}
