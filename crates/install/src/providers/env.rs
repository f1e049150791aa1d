//! What is there already.

use std::path::PathBuf;

use hostledger_model::config::expand_home;

use crate::{BinaryProvider, Found, Request, Runner, Unsuccessful, is_program};

/// Finds programs that are on this host: named by a variable, linked before, or on `PATH`. An
/// absolute path is taken as it is.
pub struct Env;

impl Env {
    /// The name by which an allow-list allows it.
    pub const NAME: &'static str = "env";

    /// Where the program of a request is.
    ///
    /// # Errors
    /// It is nowhere.
    pub fn locate(request: &Request<'_>) -> Result<PathBuf, Unsuccessful> {
        let given = request.overrides(Self::NAME).abspath;
        let path = given.or_else(|| {
            let name = &request.binary.name;
            name.starts_with('/').then(|| name.clone())
        });
        if let Some(path) = path {
            let path = PathBuf::from(path);
            if is_program(&path) {
                return Ok(path);
            }
            let reason = format!("{} is no program that can be executed", path.display());
            return Err(Unsuccessful::failed(reason));
        }
        let (place, name) = (request.place, request.name());
        Self::named(request)
            .or_else(|| place.linked(name))
            .or_else(|| place.on_path(name))
            .ok_or_else(|| Unsuccessful::failed(format!("there is no program {name} on PATH")))
    }

    /// The program that a variable names for a request, if there is one.
    #[must_use]
    pub fn named(request: &Request<'_>) -> Option<PathBuf> {
        let value = request.place.named(request.name())?;
        named(request, value)
    }
}

impl BinaryProvider for Env {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn install(&self, request: &Request<'_>, _: &dyn Runner) -> Result<Found, Unsuccessful> {
        Self::locate(request).map(Found::at)
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
